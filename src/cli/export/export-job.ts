import type { OnWarning } from '../../errors.ts';
import type { Progress } from '../../sources/progress.ts';
import type { Source } from '../../sources/source.ts';
import type { Options } from '../options/options.ts';
import type { Plan } from './plan.ts';

/** An export before it reads its disks. */
export interface ExportJob extends Omit<Running, 'imagePaths'> {
  /** In their order; at least one. */
  readonly disks: readonly JobDisk[];
  /** Opens all of them, in their order. Throws a KexportError, and leaves none open then. */
  readonly open: (running: Running) => Promise<readonly Source[]>;
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
}

/** The planned export of disks in use. Nothing is changed yet. */
export interface DisksInUse {
  /** In the order of the machine's. */
  readonly disks: readonly JobDisk[];
  /** The plan, as text. */
  readonly plan: string;
  /** Notes on the first boot of an image, as text. */
  readonly firstBoot: string;
  /**
   * Takes checkpoints of pools or snapshots of logical volumes, which are removed when every source
   * is closed. Throws a KexportError, and leaves nothing behind then.
   */
  readonly open: ExportJob['open'];
}
