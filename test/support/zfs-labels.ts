import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { LABEL_SIZE, labelOffsets } from '../../formats/zfs/label.ts';
import { fixturePath } from './project.ts';

/** As bytes, as ZFS has checksums. */
export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

/** The labels captured from a vdev of that size in bytes, and where on it each lies. */
export function capturedLabels(name: string, vdevSize: number) {
  const all = gunzipSync(readFileSync(fixturePath('zfs', 'labels', `${name}.gz`)));
  return labelOffsets(vdevSize).map((vdevOffset, index) => ({
    vdevOffset,
    label: new Uint8Array(all.subarray(index * LABEL_SIZE, (index + 1) * LABEL_SIZE)),
  }));
}
