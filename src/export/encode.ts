import type { Source } from '../sources/source.ts';
import { encodeMachine } from './encode-machine.ts';
import type { EncodeOptions } from './encode-options.ts';
import type { ImageResult, Target } from './image.ts';
import type { Failure } from './image-set.ts';

/** Result of {@link encode}. */
export interface EncodeResult {
  /** Size of the disk in the source, in bytes. */
  readonly sourceSize: number;
  /**
   * Size of the disk in every image, in bytes: `sourceSize` rounded up to a size that every format
   * can have.
   */
  readonly diskSize: number;
  /** The images that did not fail, in the order of the targets. */
  readonly images: readonly ImageResult[];
  /** The images that failed; empty without `keepGoing`. */
  readonly failures: readonly Failure[];
}

/**
 * Makes images of a disk, all from one read. Owns the source and the sinks: when it returns, every
 * image has its final name; when it throws, none is left behind. Throws a KexportError for every
 * failure that is not a bug.
 */
export async function encode(
  source: Source,
  targets: readonly Target[],
  { bmap, ...options }: EncodeOptions = {},
): Promise<EncodeResult> {
  const { disks, failures } = await encodeMachine([{ source, targets, bmap }], [], options);
  return { ...disks[0]!, failures }; // one of each disk
}
