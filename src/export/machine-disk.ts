import type { Sink } from '../sinks/sink.ts';
import type { Source } from '../sources/source.ts';
import type { Target } from './image.ts';

/** A disk of a machine, and the images of it alone. */
export interface MachineDisk {
  /** The disk. */
  readonly source: Source;
  /** The images of this disk; there may be none. */
  readonly targets: readonly Target[];
  /** Where a block map of the disk is written to; see `EncodeSettings.bmap`. */
  readonly bmap?: Sink | undefined;
}
