import type { OnWarning } from '../../errors.ts';
import type { Progress } from '../../sources/progress.ts';
import type { Options } from '../options/options.ts';
import type { Plan } from './plan.ts';

/** An export that is about to read its disk. */
export interface ExportJob {
  /** What people call the disk. */
  readonly disk: string;
  readonly plan: Plan;
  readonly options: Options;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
  readonly onWarning: OnWarning;
}
