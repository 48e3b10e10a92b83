import { KexportError, type OnWarning } from '../../errors.ts';
import type { Source } from '../../sources/source.ts';
import { openLiveDisk } from '../../zfs/live/live-disk.ts';
import { hostFacts } from '../../zfs/live/host-facts.ts';
import { planLiveExport, rootPool } from '../../zfs/live/plan.ts';
import type { Options } from '../options/options.ts';
import { describeFirstBoot, describePlan } from '../print/live-report.ts';
import type { Request } from './request.ts';

/** The export of a disk whose pool is in use, before anything is changed. */
export interface DiskInUse {
  readonly name: string;
  /** What will be done, for people. */
  readonly plan: string;
  /** What to know before the first boot of an image, for people. */
  readonly firstBoot: string;
  /** Takes checkpoints, which `close` of the source discards. Throws a KexportError. */
  open(signal: AbortSignal, onWarning: OnWarning): Promise<Source>;
}

/**
 * Plans the export of a disk whose pool is in use, the disk of this machine's root if none is
 * named, to images of these paths. Throws a KexportError if it cannot be exported while in use.
 */
export async function planDiskInUse(
  { source, formats }: Request,
  paths: readonly string[],
  options: Options,
): Promise<DiskInUse> {
  if (source === undefined && (await rootPool()) === undefined) {
    const list = formats.join(',');
    throw new KexportError('usage', `no disk to export as ${list} is given`, {
      hint: `kexport ${list} /dev/sdX, or kexport ${list} - for a pipe; kexport sources lists the disks`,
    });
  }
  const { includeSwap, allSectors, keepIntentLog, checkpointLimit } = options;
  const plan = await planLiveExport({ disk: source, includeSwap, allSectors });
  return {
    name: plan.disk.path,
    plan: describePlan(plan, options),
    firstBoot: describeFirstBoot(plan, await hostFacts()),
    open(signal, onWarning) {
      const imagePaths = paths.filter((path) => path !== '-');
      return openLiveDisk(plan, { keepIntentLog, checkpointLimit, imagePaths, signal, onWarning });
    },
  };
}
