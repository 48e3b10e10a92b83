// Plans the export of disks in use, without changing anything.

import { KexportError } from '../../errors.ts';
import { listMounts } from '../../host/mounts.ts';
import { namedDisks, rootDisk, wholePools } from './find-disks.ts';
import { type LivePool, poolsOn, poolStatuses } from './live-pools.ts';
import { type CopyOptions, type DiskPlan, planDisk } from './plan-disk.ts';

/** Which disks in use are exported, and how. */
export interface LiveOptions extends CopyOptions {
  /** A device, or several, each on another disk. Default: the disk of the pool that `/` is on. */
  readonly disk?: string | readonly string[] | undefined;
  /** Exports every disk of the pools that are on these disks. */
  readonly wholePool?: boolean | undefined;
}

/** What an export of disks in use will do. */
export interface LivePlan {
  /**
   * The disks to export: first one that boots, otherwise in the order in which they were named, or
   * by their names.
   */
  readonly disks: readonly DiskPlan[];
  /** The pools on the disks, each of which is exported as of a checkpoint. */
  readonly pools: readonly LivePool[];
  /** Whether the gaps between partitions and the free space of pools are copied too. */
  readonly allSectors: boolean;
}

/**
 * Finds the disks and inspects all that is on them. Throws a KexportError if they cannot be
 * exported while in use.
 */
export async function planLiveExport(options: LiveOptions = {}): Promise<LivePlan> {
  const { disk = [], wholePool = false, allSectors = false } = options;
  const devices = typeof disk === 'string' ? [disk] : disk;
  const mounts = await listMounts();
  const named = devices.length === 0 ? [await rootDisk()] : await namedDisks(devices);
  const statuses = await poolStatuses();
  const disks = wholePool ? await wholePools(named, statuses) : named;
  const pools = await poolsOn(disks, statuses);
  const plans: DiskPlan[] = [];
  for (const one of disks) plans.push(await planDisk(one, pools, mounts, options));
  for (const plan of plans) checkConsistent(plan, pools);
  return { disks: bootingFirst(plans), pools, allSectors };
}

function bootingFirst(plans: readonly DiskPlan[]): DiskPlan[] {
  return [...plans].sort((one, other) => Number(other.boots) - Number(one.boots));
}

/** Beside the disks of pools, one without a pool may hold what is as of one instant too. */
function checkConsistent({ disk, live, stacked }: DiskPlan, pools: readonly LivePool[]): void {
  const holdsPool = pools.some(({ vdevs }) => vdevs.some((vdev) => vdev.disk === disk.path));
  const [torn] = [...live, ...stacked];
  if (holdsPool || !torn) return;
  throw new KexportError(
    'source',
    `no pool of this machine is on ${disk.path}, and ${torn.path} on it would be copied while it is written to`,
    { hint: 'leave it out' },
  );
}
