import type { CompressorName } from '../compress/compressor.ts';
import type { UncheckedCompression } from '../export/encodings.ts';
import type { FromFormat } from '../open/source-options.ts';
import type { OutputOptions } from './outputs.ts';
import type { PlanOptions } from './plan.ts';
import type { ThisMachineOptions } from './this-machine.ts';

/** The options of the command line, as they are parsed. */
export interface ExportOptions
  extends PlanOptions, OutputOptions, ThisMachineOptions, UncheckedCompression {
  readonly size?: number;
  /** A package's snapshot; false: read what lies on ZFS as it is. */
  readonly snapshot?: string | false;
  readonly from?: FromFormat;
  readonly disk?: string;
  readonly archiveDisk?: string;
  readonly volume?: string;
  readonly flatten?: string;
  readonly incrementalFrom?: string;
  readonly readHoles?: boolean;
  /** The image below an increment; true: open the other files that an image names. */
  readonly backing?: string | boolean;
  readonly liveInconsistent?: boolean;
  readonly verify?: boolean;
  readonly keepGpt?: boolean;
  readonly keepGoing?: boolean;
  readonly threads?: number;
  readonly compressor?: CompressorName;
  readonly quiet?: boolean;
}
