// Takes the checkpoint of a pool, and the labels that its devices get in the images: those have the
// checkpoint's uberblock, and no other.

import {
  checkpointedUberblock,
  pinUberblock,
  type RingEntry,
} from '../../../formats/zfs/uberblocks.ts';
import { KexportError, type OnWarning } from '../../errors.ts';
import type { Edit } from '../../partitions/move-backup-gpt.ts';
import type { HostPartition } from '../../host/host-disk.ts';
import { sha256 } from '../../inspect/sha256.ts';
import { type Checkpoint, discardOrWarn, takeCheckpoint } from './checkpoint.ts';
import type { DirectDisks } from '../../live/direct-disk.ts';
import { type HoldWatch, maxHoldOf, watchHold } from './hold.ts';
import type { LivePool, PoolDevice } from './live-pools.ts';
import { readVdevLabels, type VdevLabels } from './vdev-labels.ts';
import { zpool } from '../run.ts';

/** How a pool is captured. */
export interface CaptureOptions {
  /**
   * Keeps the intent logs in the image: an import then replays what was synced to them after the
   * checkpoint.
   */
  readonly keepIntentLog?: boolean | undefined;
  /**
   * How much a checkpoint may keep from being freed, in bytes. Default: half of the pool's free
   * space.
   */
  readonly checkpointLimit?: number | undefined;
  /** Called if a checkpoint cannot be discarded. */
  readonly onWarning?: OnWarning | undefined;
}

/** A device of a pool as it will be in the image. */
export interface CapturedVdev {
  readonly partition: PoolDevice;
  readonly labels: VdevLabels;
  /** The labels, at their places on the disk. */
  readonly edits: readonly Edit[];
}

/** A pool in the state of a checkpoint. */
export interface CapturedPool {
  readonly name: string;
  /** The root of the state that goes into the image. */
  readonly uberblock: RingEntry;
  readonly checkpoint: Checkpoint;
  readonly watch: HoldWatch;
  readonly vdevs: readonly CapturedVdev[];
}

/**
 * How often a checkpoint is taken anew because the pool wrote so fast that its uberblock was
 * overwritten before it could be read.
 */
const ATTEMPTS = 5;

/**
 * Captures a pool, on all its disks. Throws a KexportError, and warns if the checkpoint is left
 * behind then.
 */
export async function capturePool(
  disks: DirectDisks,
  pool: LivePool,
  options: CaptureOptions,
): Promise<CapturedPool> {
  for (let attempt = 1; ; attempt++) {
    // Makes the pool write an uberblock now, so that the rings show which ones are newer.
    await zpool(['sync', '-f', pool.name]);
    const before = await readAll(disks, pool.vdevs);
    const { checkpoint, captured: after } = await takeCheckpoint(
      pool.name,
      () => readAll(disks, pool.vdevs),
      options.onWarning,
    );
    try {
      const chosen = chooseUberblock(before, after, checkpoint.txg);
      if (chosen) {
        const keepIntentLog = options.keepIntentLog ?? false;
        const vdevs = after.map((labels, index) => {
          const partition = pool.vdevs[index]!; // readAll keeps the order
          checkSame(before[index]!, labels, partition);
          return { partition, labels, edits: pinned(labels, partition, chosen, keepIntentLog) };
        });
        const watch = watchHold(checkpoint, maxHoldOf(pool.free, options.checkpointLimit));
        return { name: pool.name, uberblock: chosen, checkpoint, watch, vdevs };
      }
    } catch (error) {
      await discardOrWarn(checkpoint, options.onWarning);
      throw error;
    }
    // A pool has one checkpoint at most: without that, there is no other attempt.
    if ((await discardOrWarn(checkpoint, options.onWarning)) && attempt < ATTEMPTS) continue;
    throw new KexportError(
      'source',
      `pool ${pool.name} overwrote the uberblock of its checkpoint before it was read, in ${attempt} of ${ATTEMPTS} attempts`,
      { hint: 'try again when less is written' },
    );
  }
}

async function readAll(
  disks: DirectDisks,
  partitions: readonly PoolDevice[],
): Promise<VdevLabels[]> {
  const all: VdevLabels[] = [];
  for (const partition of partitions)
    all.push(await readVdevLabels(disks.at(partition.disk), partition));
  return all;
}

/** The uberblock of the checkpoint; undefined if it may have been overwritten. */
function chooseUberblock(
  before: readonly VdevLabels[],
  after: readonly VdevLabels[],
  txg: bigint,
): RingEntry | undefined {
  const rings = after.map(({ uberblocks, slotCount }, index) => ({
    before: before[index]?.uberblocks ?? [],
    after: uberblocks,
    slotCount,
  }));
  return checkpointedUberblock(rings, txg);
}

function pinned(
  { labels, config }: VdevLabels,
  { diskOffset }: HostPartition,
  entry: RingEntry,
  keepIntentLog: boolean,
): Edit[] {
  return labels.map(({ vdevOffset, bytes }) => ({
    diskOffset: diskOffset + vdevOffset,
    bytes: pinUberblock(
      bytes,
      entry,
      { vdevOffset, ashift: config.ashift, sha256 },
      { keepIntentLog },
    ),
  }));
}

/** Throws a KexportError if a device is not as it was captured, except for its uberblocks. */
export async function checkUnchanged(
  disks: DirectDisks,
  { partition, labels }: CapturedVdev,
): Promise<void> {
  checkSame(labels, await readVdevLabels(disks.at(partition.disk), partition), partition);
}

function checkSame(one: VdevLabels, other: VdevLabels, { path }: HostPartition): void {
  if (one.config.identity === other.config.identity) return;
  throw new KexportError('source', `the vdev on ${path} was changed while it was exported`, {
    hint: 'no device may be added, removed or replaced meanwhile',
  });
}
