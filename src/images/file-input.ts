import { FormatError, type ImageInput } from '../../formats/index.ts';
import { KexportError } from '../errors.ts';
import type { DataRange } from '../sources/data-map.ts';

/** A file that is read as an image, or as a part of one. Does not own what it is read by. */
export interface FileInput extends ImageInput {
  /** The name of the file in messages. */
  readonly name: string;
  /** The descriptor of the open file; undefined of one that is only read by `read`. */
  readonly fd: number | undefined;
  /** Whether it is a block device. Default false. */
  readonly isDevice?: boolean | undefined;
  /** Space that it takes in its file system, in bytes. Default: `size`. */
  readonly allocatedSize?: number | undefined;
  /**
   * Where a part of the file has data, ascending; all of it where that cannot be known. Absent of a
   * file without holes.
   */
  dataIn?(start: number, end: number): Promise<readonly DataRange[]>;
}

/** Throws a KexportError for a file or device of no byte. */
export function checkNotEmpty(name: string, size: number): void {
  if (size > 0) return;
  throw new KexportError('source', `${name} is empty: it has no byte to read`);
}

/** Throws a FormatError if an image of `size` bytes does not have those bytes. */
export function checkWithin(size: number, imageOffset: number, length: number): void {
  if (length <= size - imageOffset) return;
  const what = `the image ends at byte ${size}, within ${length} bytes at ${imageOffset}`;
  throw new FormatError('damaged', what);
}
