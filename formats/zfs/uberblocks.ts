// The ring of uberblocks in a label: its entries, the one of a checkpoint, and a label that has
// only that one. A pool writes its uberblock into slot `txg % slots` of the four labels of a vdev.

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

/** A valid uberblock in a ring. */
export interface RingEntry {
  /** Index of its slot in the ring. */
  readonly slot: number;
  /** Its transaction group. */
  readonly txg: bigint;
  /** Its byte order. */
  readonly order: ByteOrder;
  /** The values of its fields. */
  readonly values: Uberblock;
  /** The slot without the checksum; a view of the label. */
  readonly content: Uint8Array;
}

/** What is needed to verify a label. */
export interface LabelPlace {
  /** Offset of the label on its vdev. */
  readonly vdevOffset: number;
  /** Base-2 logarithm of the smallest block of the vdev. */
  readonly ashift: number;
  /** Computes checksums. */
  readonly sha256: Sha256;
}

/** Bytes at the start of a slot that hold the uberblock: UBERBLOCK_SHIFT without the checksum. */
const CONTENT_SIZE = 984;

/** The valid uberblocks in the ring of a label. */
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

/** The rings of one vdev, read shortly before and shortly after a checkpoint was taken. */
export interface Rings {
  /** Valid uberblocks before the checkpoint. */
  readonly before: readonly RingEntry[];
  /** Valid uberblocks after the checkpoint. */
  readonly after: readonly RingEntry[];
  /** Slots of a ring. */
  readonly slotCount: number;
}

/**
 * The uberblock of a checkpoint: that of transaction group `txg`, or the newest before it if the
 * pool was idle and wrote none. Undefined if it may have been overwritten before it was read: the
 * caller must then take another checkpoint.
 *
 * A pool writes most of its uberblocks to only three random top-level vdevs that are not logs
 * (OpenZFS, spa_sync_rewrite_vdev_config, SPA_SYNC_MIN_VDEVS), so the rings of all vdevs are
 * needed.
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

/** Whether an uberblock after `from` and up to `to` may have been overwritten by a later one. */
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

/** Options of `pinUberblock`. */
export interface PinOptions {
  /** Keeps the intent logs; an import then replays their writes after the checkpoint. */
  readonly keepIntentLog: boolean;
}

/**
 * A copy of a label with `entry` as the only uberblock in its ring. Unless the intent logs are
 * kept, an import drops them as after a rewind to a checkpoint: `zil_claim` does so if
 * ub_checkpoint_txg is set.
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
