// Exports disks of this machine while they are in use: every pool on them as of a checkpoint, other
// file systems as of the same moment.
//
//   plan -> labels -> checkpoint of each pool -> rings of uberblocks at once
//        -> copies of mounted file systems -> free space of the pools -> read the rest of each disk
//        -> labels once more -> discard the checkpoints

import type { OnWarning } from '../../errors.ts';
import { disposable } from '../../sources/disposable.ts';
import type { OpenSource } from '../../sources/source.ts';
import { streamTools } from '../../zfs-send/tools.ts';
import {
  type CapturedPool,
  type CaptureOptions,
  capturePool,
  checkUnchanged,
} from './capture-pool.ts';
import { discardOrWarn } from './checkpoint.ts';
import { type DirectDisks, openDirectDisks } from '../../live/direct-disk.ts';
import { joinGroups, singleGroups } from '../../live/disk-extents.ts';
import { type FreeExtents, freeSpaceOf } from './free-space.ts';
import { liveSource } from '../../live/live-source.ts';
import { warnOf } from './live-warnings.ts';
import { copyMounted, flushMounted, type PartitionCopy } from '../../live/mounted-copy.ts';
import type { LivePlan } from './plan.ts';
import type { DiskPlan } from './plan-disk.ts';

/** Options of {@link openLiveDisks}. */
export interface LiveDiskOptions extends CaptureOptions {
  /** Paths of the images. `onWarning` is called if they lie in a pool of the disks. */
  readonly imagePaths?: readonly string[] | undefined;
  /** Aborts the opening with a KexportError `aborted`; reading has a signal of its own. */
  readonly signal?: AbortSignal | undefined;
  /** Called with warnings, also while the sources are read and closed. */
  readonly onWarning?: OnWarning | undefined;
}

/** What is held while disks are exported. */
interface Capture {
  readonly disks: DirectDisks;
  readonly pools: CapturedPool[];
  /** Copies of mounted file systems, by the paths of their disks. */
  readonly copies: Map<string, PartitionCopy[]>;
}

/**
 * Opens the disks of a plan as they are at one moment, in its order. Takes a checkpoint of each
 * pool on them, which is discarded when every source is closed. Must run as root. Throws a
 * KexportError, and leaves nothing behind then.
 */
export async function openLiveDisks(
  plan: LivePlan,
  options: LiveDiskOptions = {},
): Promise<OpenSource[]> {
  const { imagePaths = [], onWarning = () => undefined } = options;
  await warnOf(plan, imagePaths, onWarning);
  const disks = await openDirectDisks(plan.disks.map(({ disk }) => disk.path));
  const capture: Capture = { disks, pools: [], copies: new Map() };
  try {
    const free = await captureAll(plan, capture, options);
    let openCount = plan.disks.length;
    const close = async () => {
      openCount--;
      if (openCount === 0) await release(capture, onWarning);
    };
    return plan.disks.map((disk) => sourceOf(disk, capture, free, close));
  } catch (error) {
    await release(capture, onWarning);
    throw error;
  }
}

/** Returns what is free at the instant of the checkpoints. */
async function captureAll(
  plan: LivePlan,
  { disks, pools, copies }: Capture,
  options: LiveDiskOptions,
): Promise<readonly FreeExtents[]> {
  const { keepIntentLog = false, signal, onWarning = () => undefined } = options;
  for (const { mounted, live } of plan.disks) {
    for (const partition of [...mounted, ...live]) await flushMounted(partition);
  }
  for (const pool of plan.pools) pools.push(await capturePool(disks, pool, options));
  for (const { disk, mounted } of plan.disks) {
    const ofDisk: PartitionCopy[] = [];
    copies.set(disk.path, ofDisk);
    for (const partition of mounted) {
      ofDisk.push(await copyMounted(disks.at(disk.path), partition, signal, onWarning));
    }
  }
  // With `keepIntentLog` the intent logs refer to blocks that were free at the checkpoint.
  if (plan.allSectors || keepIntentLog) return [];
  return freeSpaceOf(disks, pools, { signal, onWarning, tools: await streamTools() });
}

function sourceOf(
  plan: DiskPlan,
  { disks, pools, copies }: Capture,
  free: readonly FreeExtents[],
  close: () => Promise<void>,
): OpenSource {
  const { path, size } = plan.disk;
  const isHere = ({ disk }: { readonly disk: string }) => disk === path;
  const vdevs = pools.flatMap((pool) => pool.vdevs).filter(({ partition }) => isHere(partition));
  const replacements = {
    zeros: joinGroups([...singleGroups(plan.zeros), ...free.filter(isHere)]),
    copies: copies.get(path) ?? [],
    edits: vdevs.flatMap(({ edits }) => edits),
  };
  return disposable(
    liveSource(path, size, disks.at(path), replacements, { check, finish, release: close }),
  );

  function check(): void {
    for (const { watch } of pools) watch.check();
  }

  /** Also of the other disks: the pools are of use only with all of them. */
  async function finish(): Promise<void> {
    for (const pool of pools) {
      for (const vdev of pool.vdevs) await checkUnchanged(disks, vdev);
      await pool.checkpoint.checkIntact();
    }
    check();
  }
}

async function release({ disks, pools, copies }: Capture, onWarning: OnWarning): Promise<void> {
  for (const { checkpoint, watch } of pools) {
    await watch.stop();
    await discardOrWarn(checkpoint, onWarning);
  }
  for (const copy of [...copies.values()].flat()) await copy.close();
  await disks.close();
}
