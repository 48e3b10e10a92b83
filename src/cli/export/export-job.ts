import type { OnWarning } from '../../errors.ts';
import type { Progress } from '../../sources/progress.ts';
import type { Source } from '../../sources/source.ts';
import type { Options } from '../options/options.ts';
import type { Plan } from './plan.ts';

/** An export before it reads its disks. */
export interface ExportJob extends Omit<Running, 'imagePaths'> {
  /** In their order; at least one. */
  readonly disks: readonly JobDisk[];
  readonly plan: Plan;
  readonly options: Options;
  readonly onProgress: (progress: Progress) => void;
}

/** What an export under way can be told, and what it tells. */
export interface Running {
  /** Of what is written on this machine. */
  readonly imagePaths: readonly string[];
  readonly signal: AbortSignal;
  readonly onWarning: OnWarning;
}

/** A disk of an export before it is opened. */
export interface JobDisk {
  /** Its name on the command line: a path, a volume, or `-`. */
  readonly path: string;
  /** Its name in messages. */
  readonly name: string;
  /** Throws a KexportError. */
  open(running: Running): Promise<Source>;
}

/**
 * The planned export of a disk in use. Nothing is changed yet. `open` takes checkpoints of pools or
 * snapshots of logical volumes, which `close` of the source removes.
 */
export interface DiskInUse extends JobDisk {
  /** The plan, as text. */
  readonly plan: string;
  /** Notes on the first boot of an image, as text. */
  readonly firstBoot: string;
}
