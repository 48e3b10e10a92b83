import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KexportError } from '../../errors.ts';
import { listMounts, mountOf } from '../../host/mounts.ts';
import type { Source } from '../../sources/source.ts';
import { openLiveDisk } from '../../zfs/live/live-disk.ts';
import { hostFacts } from '../../zfs/live/host-facts.ts';
import { type LivePlan, planLiveExport, rootPool } from '../../zfs/live/plan.ts';
import { poolOf } from '../../zfs/names.ts';
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
  open(signal: AbortSignal, onWarning: (message: string) => void): Promise<Source>;
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
  const { includeSwap, allSectors, keepIntentLog, checkpointLimit: maxHold } = options;
  const plan = await planLiveExport({ disk: source, includeSwap, allSectors });
  return {
    name: plan.disk.path,
    plan: describePlan(plan, options),
    firstBoot: describeFirstBoot(plan, await hostFacts()),
    async open(signal, onWarning) {
      for (const pool of await poolsWrittenTo(plan, paths)) {
        onWarning(
          `the images are written to pool ${pool}, which is being exported, and may fill it: \
use --output-dir with a folder on another disk, or -o - to another machine`,
        );
      }
      return openLiveDisk(plan, { allSectors, keepIntentLog, maxHold, signal, onWarning });
    },
  };
}

/** The pools of the disk that an image will lie on. */
async function poolsWrittenTo({ pools }: LivePlan, paths: readonly string[]): Promise<string[]> {
  const mounts = await listMounts();
  const written = new Set<string>();
  for (const path of paths.filter((name) => name !== '-')) {
    const folder = await realpath(dirname(path)).catch(() => undefined);
    const mount = folder === undefined ? undefined : mountOf(folder, mounts);
    if (mount?.type === 'zfs') written.add(poolOf(mount.source));
  }
  return pools.map(({ name }) => name).filter((name) => written.has(name));
}
