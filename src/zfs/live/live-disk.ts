// Exports a disk of this machine while it is in use: every pool on it as of a checkpoint, other
// file systems as of the same moment.
//
//   plan -> labels -> checkpoint of each pool -> rings of uberblocks at once
//        -> copies of mounted file systems -> free space of the pools -> read the rest of the disk
//        -> labels once more -> discard the checkpoints

import {
  checkpointedUberblock,
  pinUberblock,
  type RingEntry,
} from '../../../formats/zfs/uberblocks.ts';
import { disposable } from '../../sources/disposable.ts';
import { KexportError, type OnWarning, Warning } from '../../errors.ts';
import type { Edit } from '../../partitions/move-backup-gpt.ts';
import type { HostPartition } from '../../host/host-disk.ts';
import { sha256 } from '../../inspect/sha256.ts';
import type { OpenSource } from '../../sources/source.ts';
import { type Checkpoint, discardCommand, takeCheckpoint } from './checkpoint.ts';
import { type DirectDisk, openDirect } from '../../live/direct-disk.ts';
import { freeSpaceOf } from './free-space.ts';
import { type HoldWatch, maxHoldOf, watchHold } from './hold.ts';
import type { LivePool } from './live-pools.ts';
import { liveSource } from '../../live/live-source.ts';
import { copyMounted, flushMounted, type PartitionCopy } from '../../live/mounted-copy.ts';
import type { LivePlan } from './plan.ts';
import { poolsWrittenTo } from './pools-written-to.ts';
import { joinGroups, singleGroups, type ExtentGroup } from '../../live/disk-extents.ts';
import { readVdevLabels, type VdevLabels } from './vdev-labels.ts';
import { streamTools } from '../../zfs-send/tools.ts';
import { zpool } from '../run.ts';

/** Options of {@link openLiveDisk}. */
export interface LiveDiskOptions {
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
  /** Paths of the images. `onWarning` is called if they lie in a pool of the disk. */
  readonly imagePaths?: readonly string[] | undefined;
  /** Aborts the opening with a KexportError `aborted`; reading has a signal of its own. */
  readonly signal?: AbortSignal | undefined;
  /** Called with warnings, also while the source is read and closed. */
  readonly onWarning?: OnWarning | undefined;
}

/** A vdev as it will be in the image. */
interface CapturedVdev {
  readonly partition: HostPartition;
  readonly labels: VdevLabels;
  readonly edits: readonly Edit[];
}

interface CapturedPool {
  readonly name: string;
  /** The root of the state that goes into the image. */
  readonly uberblock: RingEntry;
  readonly checkpoint: Checkpoint;
  readonly watch: HoldWatch;
  readonly vdevs: readonly CapturedVdev[];
}

/**
 * Opens a disk in use as it is at one moment. Takes a checkpoint of each pool on it; closing the
 * source discards them. Must run as root. Throws a KexportError, and leaves nothing behind then.
 */
export async function openLiveDisk(
  plan: LivePlan,
  options: LiveDiskOptions = {},
): Promise<OpenSource> {
  const { keepIntentLog = false, imagePaths = [], signal, onWarning = () => undefined } = options;
  await warnOf(plan, imagePaths, onWarning);
  const disk = await openDirect(plan.disk.path);
  const pools: CapturedPool[] = [];
  const copies: PartitionCopy[] = [];
  let free: readonly ExtentGroup[] = [];
  try {
    for (const partition of [...plan.mounted, ...plan.live]) await flushMounted(partition);
    for (const pool of plan.pools) pools.push(await capturePool(disk, pool, options));
    for (const partition of plan.mounted) {
      copies.push(await copyMounted(disk, partition, signal, onWarning));
    }
    // With `keepIntentLog` the intent logs refer to blocks that were free at the checkpoint.
    if (!plan.allSectors && !keepIntentLog) {
      free = await freeSpaceOf(disk, pools, { signal, onWarning, tools: await streamTools() });
    }
  } catch (error) {
    await release();
    throw error;
  }
  const edits = pools.flatMap(({ vdevs }) => vdevs.flatMap((vdev) => vdev.edits));
  const { path, size } = plan.disk;
  const zeros = joinGroups([...singleGroups(plan.zeros), ...free]);
  const replacements = { zeros, copies, edits };
  return disposable(liveSource(path, size, disk, replacements, { check, finish, release }));

  function check(): void {
    for (const { watch } of pools) watch.check();
  }

  async function finish(): Promise<void> {
    for (const { checkpoint, vdevs } of pools) {
      for (const vdev of vdevs) await checkUnchanged(disk, vdev);
      await checkpoint.checkIntact();
    }
    check();
  }

  async function release(): Promise<void> {
    for (const { checkpoint, watch } of pools) {
      await watch.stop();
      const problem = await checkpoint.discard();
      if (problem === undefined) continue;
      const remedy = discardCommand(checkpoint.pool);
      onWarning(
        new Warning(
          'left-behind',
          `the checkpoint of pool ${checkpoint.pool} is left: ${problem}: ${remedy}`,
        ),
      );
    }
    for (const copy of copies) await copy.close();
    await disk.close();
  }
}

/** Below this share of free space a pool has hardly room for what a checkpoint holds back. */
const NEARLY_FULL = 0.1;

async function warnOf(
  plan: LivePlan,
  imagePaths: readonly string[],
  onWarning: OnWarning,
): Promise<void> {
  const { pools, live, stacked } = plan;
  for (const pool of await poolsWrittenTo(plan, imagePaths)) {
    const what = `the images are written to pool ${pool}, which is exported, and may fill it`;
    onWarning(new Warning('full', `${what}: another disk or another machine keeps them apart`));
  }
  for (const { name, size, free } of pools) {
    if (free > size * NEARLY_FULL) continue;
    onWarning(
      new Warning(
        'full',
        `pool ${name} is nearly full, and its checkpoint holds back what is freed meanwhile`,
      ),
    );
  }
  for (const { path, mountPoint } of live) {
    onWarning(
      new Warning(
        'inconsistent',
        `${path} (${mountPoint}) is copied while it may be written to: check its file system`,
      ),
    );
  }
  for (const { path, holders } of stacked) {
    const what = `${path} is in use by ${holders.join(', ')}`;
    onWarning(
      new Warning(
        'inconsistent',
        `${what}: it is copied while it may be written to, and so is what is on it`,
      ),
    );
  }
}

/**
 * How often a checkpoint is taken anew because the pool wrote so fast that its uberblock was
 * overwritten before it could be read.
 */
const ATTEMPTS = 5;

async function capturePool(
  disk: DirectDisk,
  pool: LivePool,
  options: LiveDiskOptions,
): Promise<CapturedPool> {
  for (let attempt = 1; ; attempt++) {
    // Makes the pool write an uberblock now, so that the rings show which ones are newer.
    await zpool(['sync', '-f', pool.name]);
    const before = await readAll(disk, pool.vdevs);
    const taken = await takeCheckpoint(pool.name, () => readAll(disk, pool.vdevs));
    const { checkpoint, captured: after } = taken;
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
      await checkpoint.discard();
      throw error;
    }
    await checkpoint.discard();
    if (attempt < ATTEMPTS) continue;
    throw new KexportError(
      'source',
      `pool ${pool.name} overwrote the uberblock of its checkpoint before it was read, ${attempt} times`,
      { hint: 'try again when less is written' },
    );
  }
}

async function readAll(
  disk: DirectDisk,
  partitions: readonly HostPartition[],
): Promise<VdevLabels[]> {
  const all: VdevLabels[] = [];
  for (const partition of partitions) all.push(await readVdevLabels(disk, partition));
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

async function checkUnchanged(
  disk: DirectDisk,
  { partition, labels }: CapturedVdev,
): Promise<void> {
  checkSame(labels, await readVdevLabels(disk, partition), partition);
}

function checkSame(one: VdevLabels, other: VdevLabels, { path }: HostPartition): void {
  if (one.config.identity === other.config.identity) return;
  throw new KexportError('source', `the vdev on ${path} was changed while it was exported`, {
    hint: 'no device may be added, removed or replaced meanwhile',
  });
}
