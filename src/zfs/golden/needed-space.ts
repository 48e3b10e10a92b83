// How much room a golden image needs.

import { LABEL_COUNT, LABEL_SIZE } from '../../../formats/zfs/label.ts';
import { ALLOCATABLE_OFFSET } from '../../../formats/zfs/free-space.ts';
import type { SourceDataset } from './datasets.ts';

/** What datasets take in a pool, in bytes. */
export function spaceOf(
  datasets: readonly SourceDataset[],
  { withSnapshots = false }: { readonly withSnapshots?: boolean | undefined },
): number {
  return datasets.reduce((sum, { referenced, inSnapshots, reserved }) => {
    const held = referenced + (withSnapshots ? inSnapshots : 0);
    return sum + Math.max(held, reserved);
  }, 0);
}

/** OpenZFS keeps a share of a pool for itself, spa_slop_shift, and at least spa_min_slop. */
const SLOP_SHARE = 1 / 32;
const MIN_SLOP = 128 * 2 ** 20;
/** A metaslab is never full, and each send stream ends with metadata of its own: measured. */
const MARGIN = 1.05;
const METADATA = 32 * 2 ** 20;
/** What the embedded log takes, metaslabs of their own in a vdev; OpenZFS makes no smaller pool. */
const MIN_POOL = 2 ** 28;

/** The size of a vdev whose pool has room for `space` bytes. */
export function poolSizeFor(space: number): number {
  const held = space * MARGIN + METADATA;
  const slop = Math.max((held * SLOP_SHARE) / (1 - SLOP_SHARE), MIN_SLOP);
  const labels = ALLOCATABLE_OFFSET + (LABEL_COUNT / 2) * LABEL_SIZE;
  return Math.max(Math.ceil(held + slop) + labels, MIN_POOL);
}
