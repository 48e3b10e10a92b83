import {
  FormatError,
  type ImageExtent,
  type ImageInput,
  MAX_COMPRESSED_EXTENT,
} from '../../formats/index.ts';

/** Deflate cannot make less of its input than this share: 258 bytes in two bits. */
const DEFLATE_RATIO = 1032;

/** Zstandard makes a block of at most 128 KiB of 4 bytes: RFC 8878, "RLE_Block". */
const ZSTD_RATIO = 2 ** 15;

/** The last extent may reach past the end of the file. */
const SLACK = MAX_COMPRESSED_EXTENT;

/**
 * Passes on the extents of an image, and throws a FormatError once they take more of a file than it
 * has: no two parts of a disk are in the same place. Otherwise a file of some MiB could map a disk
 * of any size, all of it data, and reading it would take days.
 */
export async function* withinFiles(
  extents: Iterable<ImageExtent> | AsyncIterable<ImageExtent>,
  own: ImageInput,
): AsyncGenerator<ImageExtent> {
  const taken = new Map<ImageInput, number>();
  for await (const extent of extents) {
    if (extent.kind !== 'zeros') {
      const input = extent.input ?? own;
      const length = (taken.get(input) ?? 0) + leastLengthOf(extent);
      if (length > input.size + SLACK) throw overlapping(extent.diskOffset, length, input);
      taken.set(input, length);
    }
    yield extent;
  }
}

/** The bytes that an extent takes in its file at the least. */
function leastLengthOf({ kind, diskLength }: Exclude<ImageExtent, { kind: 'zeros' }>): number {
  if (kind === 'plain') return diskLength;
  return diskLength / (kind === 'zstd' ? ZSTD_RATIO : DEFLATE_RATIO);
}

function overlapping(diskOffset: number, length: number, { size }: ImageInput): FormatError {
  const taken = `the data up to byte ${diskOffset} of the disk need ${Math.floor(length)} bytes`;
  const problem = `${taken}, the file has ${size}: parts of the disk overlap in it`;
  return new FormatError('damaged', problem);
}
