import { KexportError } from '../../errors.ts';
import { rootMount } from '../../host/mounts.ts';
import { openLiveDisk } from '../../zfs/live/live-disk.ts';
import { hostFacts } from '../../zfs/live/host-facts.ts';
import { planLiveExport, rootPool } from '../../zfs/live/plan.ts';
import type { Options } from '../options/options.ts';
import { describeFirstBoot, describePlan } from '../print/live-report.ts';
import type { JobDisk } from './export-job.ts';
import type { Request } from './request.ts';

/**
 * The planned export of a disk whose pool is in use. Nothing is changed yet. `open` takes
 * checkpoints, which `close` of the source discards.
 */
export interface DiskInUse extends JobDisk {
  /** The plan, as text. */
  readonly plan: string;
  /** Notes on the first boot of an image, as text. */
  readonly firstBoot: string;
}

/** The error of an export without a disk on a machine whose root is not on ZFS. */
async function noDisk(list: string): Promise<KexportError> {
  const root = await rootMount();
  const rootText = root ? `, and the root of this machine is ${root.type}, not ZFS` : '';
  return new KexportError('usage', `no disk to export as ${list} is given${rootText}`, {
    hint: `give one: kexport ${list} /dev/sdX, or kexport ${list} - for a pipe; kexport sources lists the disks. Only a root on ZFS can be exported while the machine runs`,
  });
}

/**
 * Plans the export of a disk whose pool is in use, the disk of this machine's root if none is
 * named, to images of these paths. Throws a KexportError if it cannot be exported while in use.
 */
export async function planDiskInUse(
  { sources: [source], list }: Request,
  paths: readonly string[],
  options: Options,
): Promise<DiskInUse> {
  if (source === undefined && (await rootPool()) === undefined) throw await noDisk(list);
  const { includeSwap, allSectors, keepIntentLog, checkpointLimit } = options;
  const plan = await planLiveExport({ disk: source, includeSwap, allSectors });
  return {
    path: plan.disk.path,
    name: plan.disk.path,
    plan: describePlan(plan, options),
    firstBoot: describeFirstBoot(plan, await hostFacts()),
    open(running) {
      const imagePaths = paths.filter((path) => path !== '-');
      return openLiveDisk(plan, { keepIntentLog, checkpointLimit, imagePaths, ...running });
    },
  };
}
