import type { Disk } from '../../formats/index.ts';
import type { CompressorName } from '../compress/compressor.ts';
import type { OnWarning } from '../errors.ts';
import type { Sink } from '../sinks/sink.ts';
import type { OnProgress } from '../sources/progress.ts';
import type { Compression } from './encodings.ts';

/** Options of `encode`. */
export type EncodeOptions = EncodeSettings & Compression;

/** Options of `encodeMachine`. */
export type EncodeMachineOptions = RunSettings & Compression;

/** Options of `encode` besides those of the compression. */
export interface EncodeSettings extends RunSettings {
  /**
   * Where a block map of the disk is written to, for bmaptool to write raw images by: what the
   * source says was never stored is left out of it. Its sink gets its name with the images.
   */
  readonly bmap?: Sink | undefined;
}

/** Options of both besides those of the compression. */
export interface RunSettings {
  /**
   * Identity of the disk or the machine, for formats that record one. Default: the time of the
   * export and a random uuid. Further disks of a machine get names and uuids that follow from it.
   */
  readonly identity?: Partial<Identity> | undefined;
  /** Worker threads that compress. Default: one for each processor. */
  readonly threads?: number | undefined;
  /** Implementation of zlib. Default: the first of COMPRESSORS that this Node can run. */
  readonly compressor?: CompressorName | undefined;
  /** Aborts the export; the export then throws a KexportError `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Leaves a GPT as it is if the size of the disk is rounded up. Default: moves its backup to the
   * new end.
   */
  readonly keepGpt?: boolean | undefined;
  /**
   * If an image fails, continues with the others and lists it in `failures`. Default:
   * discards all images.
   */
  readonly keepGoing?: boolean | undefined;
  /**
   * Reads every image back before it gets its name, and fails if one is not the disk that was read.
   */
  readonly verify?: boolean | undefined;
  /**
   * Called once every image is complete but before any gets its name. If it throws, all images are
   * discarded.
   */
  readonly onFinished?: (() => Promise<void>) | undefined;
  /** Called once every image has its name. If it throws, all images are discarded. */
  readonly onCommitted?: (() => Promise<void>) | undefined;
  /** Called with a warning if an image may not be what the user expects. */
  readonly onWarning?: OnWarning | undefined;
  /** Called in each phase of the run: while writing, after at most 8 MiB of data. */
  readonly onProgress?: OnProgress | undefined;
}

/** See `Disk` in the formats' contract. */
export type Identity = Pick<Disk, 'name' | 'uuid' | 'createdAt'>;
