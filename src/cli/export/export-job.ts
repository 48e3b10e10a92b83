import type { OnWarning } from '../../errors.ts';
import type { Progress } from '../../sources/progress.ts';
import type { Options } from '../options/options.ts';
import type { Plan } from './plan.ts';

/** An export before it reads its disk. */
export interface ExportJob {
  /** The name of the disk in messages. */
  readonly disk: string;
  readonly plan: Plan;
  readonly options: Options;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  readonly onWarning: OnWarning;
}
