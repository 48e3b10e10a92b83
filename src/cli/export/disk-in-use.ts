import { hostDisk } from '../../host/host-disk.ts';
import { rootPool } from '../../zfs/live/find-disks.ts';
import { hostFacts } from '../../zfs/live/host-facts.ts';
import { openLiveDisks } from '../../zfs/live/live-disks.ts';
import { planLiveExport } from '../../zfs/live/plan.ts';
import { listPoolDevices, poolOnDevice } from '../../zfs/pool-disks.ts';
import type { Options } from '../options/options.ts';
import { describeFirstBoot, describePlan } from '../print/live-report.ts';
import { devicesInUse } from './check-options.ts';
import type { DisksInUse } from './export-job.ts';
import { planLvmDisk } from './lvm-disk.ts';
import { noDisk } from './no-disk.ts';
import type { Request } from './request.ts';

/**
 * Plans the export of disks that pools of this machine use, or of one that a volume group uses; of
 * the disk of its root if none is named. Throws a KexportError if they cannot be exported while in
 * use.
 */
export async function planDisksInUse(
  { sources, list }: Request,
  options: Options,
): Promise<DisksInUse> {
  const disk = devicesInUse({ sources }, options);
  const [device] = disk;
  const isOnZfs = device === undefined ? (await rootPool()) !== undefined : await hasPool(device);
  const onLvm = isOnZfs || disk.length > 1 ? undefined : await planLvmDisk(device, options);
  if (onLvm) return onLvm;
  if (device === undefined && !isOnZfs) throw await noDisk(list);
  const { wholePool, includeSwap, allSectors, keepIntentLog, checkpointLimit } = options;
  const plan = await planLiveExport({ disk, wholePool, includeSwap, allSectors });
  return {
    disks: plan.disks.map(({ disk: { path } }) => ({ path, name: path })),
    plan: describePlan(plan, options),
    firstBoot: describeFirstBoot(plan, await hostFacts()),
    open: (running) => openLiveDisks(plan, { keepIntentLog, checkpointLimit, ...running }),
  };
}

/** Whether a pool that is in use lies on the disk of a device. */
async function hasPool(device: string): Promise<boolean> {
  const disk = await hostDisk(device);
  // Without ZFS, no pool is in use.
  const pools = await listPoolDevices().catch(() => []);
  return disk !== undefined && (await poolOnDevice(disk.path, pools)) !== undefined;
}
