import { hostDisk } from '../../host/host-disk.ts';
import { openLiveDisk } from '../../zfs/live/live-disk.ts';
import { hostFacts } from '../../zfs/live/host-facts.ts';
import { planLiveExport, rootPool } from '../../zfs/live/plan.ts';
import { listPoolDevices, poolOnDevice } from '../../zfs/pool-disks.ts';
import type { Options } from '../options/options.ts';
import { describeFirstBoot, describePlan } from '../print/live-report.ts';
import type { DiskInUse } from './export-job.ts';
import { planLvmDisk } from './lvm-disk.ts';
import { noDisk } from './no-disk.ts';
import type { Request } from './request.ts';

/**
 * Plans the export of a disk that a pool or a volume group of this machine uses, the disk of its
 * root if none is named. Throws a KexportError if it cannot be exported
 * while in use.
 */
export async function planDiskInUse(
  { sources: [source], list }: Request,
  options: Options,
): Promise<DiskInUse> {
  const isOnZfs = source === undefined ? (await rootPool()) !== undefined : await hasPool(source);
  const onLvm = isOnZfs ? undefined : await planLvmDisk(source, options);
  if (onLvm) return onLvm;
  if (source === undefined && !isOnZfs) throw await noDisk(list);
  const { includeSwap, allSectors, keepIntentLog, checkpointLimit } = options;
  const plan = await planLiveExport({ disk: source, includeSwap, allSectors });
  return {
    path: plan.disk.path,
    name: plan.disk.path,
    plan: describePlan(plan, options),
    firstBoot: describeFirstBoot(plan, await hostFacts()),
    open: (running) => openLiveDisk(plan, { keepIntentLog, checkpointLimit, ...running }),
  };
}

/** Whether a pool that is in use lies on the disk of a device. */
async function hasPool(device: string): Promise<boolean> {
  const disk = await hostDisk(device);
  // Without ZFS, no pool is in use.
  const pools = await listPoolDevices().catch(() => []);
  return disk !== undefined && (await poolOnDevice(disk.path, pools)) !== undefined;
}
