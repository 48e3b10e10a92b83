// The label of a vdev: its name-value list and its uberblocks, with their checksums.

import { CONFIG_OFFSET, CONFIG_SIZE, RING_OFFSET, seal } from '../../../formats/zfs/label.ts';
import { sha256 } from '../../support/zfs-labels.ts';
import type { At, Place, Seal } from '../place.ts';

const LIST_END = 2048; // the list of a label is not longer
const SLOT = 1024;
const UBERBLOCK_SIZE = 208;

const word: At = (_, random) => CONFIG_OFFSET + 4 * random.below(LIST_END / 4);
const uberblock: At = (_, random) =>
  RING_OFFSET + SLOT * random.below(128) + 8 * random.below(UBERBLOCK_SIZE / 8);

const sealConfig: Seal = (image) => {
  if (image.bytes.length < CONFIG_OFFSET + CONFIG_SIZE) return;
  seal(image.edit(CONFIG_OFFSET, CONFIG_SIZE), CONFIG_OFFSET, 'little', sha256);
};

const sealSlot: Seal = (image, offset) => {
  const start = offset - (offset % SLOT);
  if (image.bytes.length < start + SLOT) return;
  seal(image.edit(start, SLOT), start, 'little', sha256);
};

/** Types of pairs, lengths and counts of the list are numbers of 4 bytes, big-endian. */
export const ZFS_LABEL_PLACES: readonly Place[] = [
  {
    at: word,
    width: 4,
    order: 'big',
    values: [1n, 4n, 8n, 9n, 10n, 14n, 16n, 17n, 19n, 20n, 21n, 27n],
    seal: sealConfig,
  },
  { at: word, width: 1, order: 'big', seal: sealConfig },
  { at: uberblock, width: 8, order: 'little', seal: sealSlot },
];
