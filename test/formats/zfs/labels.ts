import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { LABEL_SIZE, labelOffsets } from '../../../formats/zfs/label.ts';

const FOLDER = join(import.meta.dirname, '../../../fixtures/zfs/labels');

export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest();

/** The captured labels of a vdev of that many bytes, and where on it each is. */
export function capturedLabels(name: string, vdevSize: number) {
  const all = gunzipSync(readFileSync(join(FOLDER, `${name}.gz`)));
  return labelOffsets(vdevSize).map((vdevOffset, index) => ({
    vdevOffset,
    label: new Uint8Array(all.subarray(index * LABEL_SIZE, (index + 1) * LABEL_SIZE)),
  }));
}
