// The ring of uberblocks in a label: what is in it, which of them is the state that a checkpoint keeps, and a
// label that holds no other. A pool writes its uberblock into slot `txg % slots` of the four labels of a vdev.

import {
  type ByteOrder,
  decodeUberblock,
  encodeUberblock,
  isSound,
  RING_OFFSET,
  RING_SIZE,
  seal,
  type Sha256,
  slotSize,
  type Uberblock,
} from './label.ts';

/** A sound uberblock in a ring. */
export interface RingEntry {
  /** Its place in the ring, from 0. */
  readonly slot: number;
  readonly txg: bigint;
  readonly order: ByteOrder;
  readonly values: Uberblock;
  /** Its slot without the checksum; a view of the label. */
  readonly content: Uint8Array;
}

/** Where labels are and how they are checked. */
export interface LabelPlace {
  /** Of the label on its vdev. */
  readonly vdevOffset: number;
  /** Base-2 logarithm of the smallest block of the vdev. */
  readonly ashift: number;
  readonly sha256: Sha256;
}

/** Bytes at the start of a slot in which an uberblock is, whatever the slot's size: UBERBLOCK_SHIFT without the checksum. */
const CONTENT_SIZE = 984;

/** The sound uberblocks in the ring of a label. */
export function readRing(label: Uint8Array, place: LabelPlace): RingEntry[] {
  const size = slotSize(place.ashift);
  const entries: RingEntry[] = [];
  for (let slot = 0; slot < RING_SIZE / size; slot++) {
    const offset = RING_OFFSET + slot * size;
    const bytes = label.subarray(offset, offset + size);
    const found = decodeUberblock(bytes);
    if (!found || !isSound(bytes, place.vdevOffset + offset, place.sha256)) continue;
    const { order, values } = found;
    const content = bytes.subarray(0, CONTENT_SIZE);
    entries.push({ slot, txg: values.txg, order, values, content });
  }
  return entries;
}

/** The entries of one vdev's rings, read shortly before and shortly after a checkpoint was taken. */
export interface Rings {
  readonly before: readonly RingEntry[];
  readonly after: readonly RingEntry[];
  readonly slotCount: number;
}

/**
 * The uberblock of the state that a checkpoint keeps: that of transaction group `txg`, or the newest before it if the pool was
 * idle then and wrote none. Undefined if it may have been overwritten before it was read: then a
 * later checkpoint is to be taken.
 *
 * It is looked for in the rings of all vdevs, since a pool writes most of its uberblocks to some only: to three top-level
 * ones that are no logs, picked at random (OpenZFS, spa_sync_rewrite_vdev_config, SPA_SYNC_MIN_VDEVS).
 */
export function checkpointedUberblock(vdevs: readonly Rings[], txg: bigint): RingEntry | undefined {
  const older = vdevs
    .flatMap(({ before, after }) => [...before, ...after])
    .filter((entry) => entry.txg <= txg);
  const [first, ...others] = older;
  if (!first) return undefined;
  const newest = others.reduce((best, entry) => (entry.txg > best.txg ? entry : best), first);
  return vdevs.some((rings) => mayHaveLost(rings, newest.txg, txg)) ? undefined : newest;
}

/** Whether one of the uberblocks after `from` and up to `to` may have been in a ring that has a later one in its place. */
function mayHaveLost({ after, slotCount }: Rings, from: bigint, to: bigint): boolean {
  if (to - from >= BigInt(slotCount)) return true;
  const later = after.filter((entry) => entry.txg > to);
  // With multihost on, the last slot is not part of the ring (MMP_BLOCKS_PER_LABEL).
  for (const ringSize of [BigInt(slotCount), BigInt(slotCount - 1)]) {
    for (let missing = from + 1n; missing <= to; missing++) {
      const lost = later.some(
        (entry) =>
          Number(missing % ringSize) === entry.slot && (entry.txg - missing) % ringSize === 0n,
      );
      if (lost) return true;
    }
  }
  return false;
}

/** How an uberblock is pinned. */
export interface PinOptions {
  /** Leaves the intent logs, whose writes after the checkpoint an import then replays. */
  readonly keepIntentLog: boolean;
}

/**
 * A copy of a label with `entry` as the only uberblock in its ring. Unless they are kept, an import drops the intent logs, as it does
 * when it rewinds to a checkpoint: `zil_claim` does so where ub_checkpoint_txg is set.
 */
export function pinUberblock(
  label: Uint8Array,
  entry: RingEntry,
  place: LabelPlace,
  { keepIntentLog }: PinOptions,
): Uint8Array {
  const size = slotSize(place.ashift);
  const pinned = label.slice();
  pinned.fill(0, RING_OFFSET, RING_OFFSET + RING_SIZE);
  const offset = RING_OFFSET + (entry.slot % (RING_SIZE / size)) * size;
  const slot = pinned.subarray(offset, offset + size);
  slot.set(entry.content);
  const { values, order } = entry;
  if (!keepIntentLog) encodeUberblock(slot, order, { ...values, checkpointTxg: values.txg });
  seal(slot, place.vdevOffset + offset, order, place.sha256);
  return pinned;
}
