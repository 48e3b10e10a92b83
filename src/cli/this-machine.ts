// The disk that this machine, or a pool of it, is on: exported where no disk is named, or with --disk.

import { KexportError } from '../errors.ts';
import type { Source } from '../sources/source.ts';
import { openLiveDisk } from '../zfs/live/live-disk.ts';
import { hostFacts } from '../zfs/live/host-facts.ts';
import { type LiveOptions, planLiveExport, rootPool } from '../zfs/live/plan.ts';
import { describeFirstBoot, describePlan } from './live-report.ts';

/** What the command line says of the disk of this machine. */
export interface ThisMachineOptions extends LiveOptions {
  readonly dryRun?: boolean;
  readonly keepIntentLog?: boolean;
  readonly maxHold?: number;
}

/** An export of this machine, before anything is changed. */
export interface ThisMachine {
  /** The disk. */
  readonly name: string;
  /** What will be done, for people. */
  readonly plan: string;
  /** What whoever boots the images must know, for people. */
  readonly firstBoot: string;
  /** Takes checkpoints, which `close` of the source discards. Throws a KexportError. */
  open(signal: AbortSignal, onWarning: (message: string) => void): Promise<Source>;
}

/**
 * Plans the export of the disk of this machine to images of these paths. Throws a KexportError if it cannot be exported while in
 * use.
 */
export async function planThisMachine(
  formats: readonly string[],
  paths: readonly string[],
  options: ThisMachineOptions,
): Promise<ThisMachine> {
  if (options.disk === undefined && (await rootPool()) === undefined) {
    const list = formats.join(',');
    throw new KexportError('usage', `no disk given to export as ${list}`, {
      hint: `kexport ${list} /dev/sdX, or kexport ${list} - to read a pipe; kexport sources lists what there is`,
    });
  }
  const plan = await planLiveExport(options);
  return {
    name: plan.disk.path,
    plan: describePlan(plan, options),
    firstBoot: describeFirstBoot(plan, await hostFacts()),
    open(signal, onWarning) {
      const imagePaths = paths.filter((path) => path !== '-');
      return openLiveDisk(plan, { ...options, imagePaths, signal, onWarning });
    },
  };
}
