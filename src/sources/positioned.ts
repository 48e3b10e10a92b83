import type { ReadableFile } from '../host/readable-file.ts';
import { roundUp } from '../../formats/rounding.ts';
import { ALIGNMENT } from '../workers/aligned-memory.ts';
import { allSettled } from '../workers/all-settled.ts';
import type { Source } from './source.ts';

/** A source that also has random access. */
export type RandomAccessSource = Source & Required<Pick<Source, 'read'>>;

// Several reads at once are faster where the disk is not in the page cache: as many as the system's
// threads, of at least so many bytes.
const READS = 4;
const MIN_PIECE = 2 ** 19;

/**
 * A disk in an open file or device: `size` bytes from its byte `start` on. Owns `file`, and closes
 * it.
 */
export function positionedSource(
  name: string,
  file: ReadableFile,
  size: number,
  start = 0,
): RandomAccessSource {
  let diskOffset = 0;
  return {
    name,
    size,
    async next(buffer) {
      const length = Math.min(buffer.length, size - diskOffset);
      if (length === 0) return undefined;
      const extent = { diskOffset, length };
      await fill(buffer, diskOffset, length);
      diskOffset += length;
      return extent;
    },
    async read(from, buffer) {
      const length = Math.max(0, Math.min(buffer.length, size - from));
      await fill(buffer, from, length);
      return length;
    },
    close: () => file.close(),
  };

  async function fill(buffer: Uint8Array, from: number, length: number): Promise<void> {
    const pieces: Promise<void>[] = [];
    const piece = Math.max(MIN_PIECE, roundUp(length / READS, ALIGNMENT));
    for (let at = 0; at < length; at += piece) {
      pieces.push(file.read(start + from + at, buffer.subarray(at, Math.min(at + piece, length))));
    }
    await allSettled(pieces);
  }
}
