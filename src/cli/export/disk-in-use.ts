import { KexportError } from '../../errors.ts';
import { rootMount } from '../../host/mounts.ts';
import type { Source } from '../../sources/source.ts';
import { rootPool } from '../../zfs/live/find-disks.ts';
import { hostFacts } from '../../zfs/live/host-facts.ts';
import { openLiveDisks } from '../../zfs/live/live-disks.ts';
import { planLiveExport } from '../../zfs/live/plan.ts';
import type { Options } from '../options/options.ts';
import { describeFirstBoot, describePlan } from '../print/live-report.ts';
import { devicesInUse } from './check-options.ts';
import type { JobDisk, Running } from './export-job.ts';
import type { Request } from './request.ts';

/** The planned export of disks whose pools are in use. Nothing is changed yet. */
export interface DisksInUse {
  /** In the order of the machine's. */
  readonly disks: readonly JobDisk[];
  /** The plan, as text. */
  readonly plan: string;
  /** Notes on the first boot of an image, as text. */
  readonly firstBoot: string;
  /**
   * Opens the disks, to make images of these paths. Takes checkpoints, which are discarded when
   * every source is closed. Throws a KexportError, and leaves nothing behind then.
   */
  open(imagePaths: readonly string[], running: Running): Promise<readonly Source[]>;
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
 * Plans the export of disks whose pools are in use, of the disk of this machine's root if none is
 * named. Throws a KexportError if they cannot be exported while in use.
 */
export async function planDisksInUse(
  { sources, list }: Request,
  options: Options,
): Promise<DisksInUse> {
  const disk = devicesInUse({ sources }, options);
  if (disk.length === 0 && (await rootPool()) === undefined) throw await noDisk(list);
  const { wholePool, includeSwap, allSectors, keepIntentLog, checkpointLimit } = options;
  const plan = await planLiveExport({ disk, wholePool, includeSwap, allSectors });
  return {
    disks: plan.disks.map(({ disk: { path } }) => ({ path, name: path })),
    plan: describePlan(plan, options),
    firstBoot: describeFirstBoot(plan, await hostFacts()),
    open: (imagePaths, running) =>
      openLiveDisks(plan, { keepIntentLog, checkpointLimit, imagePaths, ...running }),
  };
}
