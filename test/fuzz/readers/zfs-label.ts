import { LABEL_SIZE } from '../../../formats/zfs/label.ts';
import { readPoolLabel } from '../../../formats/zfs/pool-label.ts';
import { pinUberblock, readRing } from '../../../formats/zfs/uberblocks.ts';
import { readVdevConfig } from '../../../formats/zfs/vdev-config.ts';
import { sha256 } from '../../support/zfs-labels.ts';

/** Reads the first label of a vdev, as `info` and the export of a disk in use do. */
export function readZfsLabel(image: Buffer): Promise<void> {
  const label = Buffer.alloc(LABEL_SIZE); // a device is never shorter
  image.copy(label);
  readPoolLabel(label, 0, sha256);
  const { ashift } = readVdevConfig(label, 0, sha256);
  const place = { vdevOffset: 0, ashift, sha256 };
  for (const entry of readRing(label, place).slice(0, 2)) {
    const pinned = pinUberblock(label, entry, place, { keepIntentLog: false });
    if (readRing(pinned, place).length !== 1)
      throw new Error('the pinned uberblock is not the one');
  }
  return Promise.resolve();
}
