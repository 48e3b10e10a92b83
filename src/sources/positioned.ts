import { close, read } from 'node:fs';
import { promisify } from 'node:util';
import { allSettled } from '../workers/all-settled.ts';
import { KexportError, reasonOf } from '../errors.ts';
import type { Source } from './source.ts';

/** A source that can also be read anywhere. */
export type RandomAccessSource = Source & Required<Pick<Source, 'read'>>;

// A disk that is not in the page cache is read faster by several reads at once.
const PIECE = 2 ** 21;

const readAt = promisify(read);
const closeFile = promisify(close);

/** A disk in an open file or device: `size` bytes from its byte `start`. Closes the file. */
export function positionedSource(
  name: string,
  fd: number,
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
    close: () => closeFile(fd),
  };

  async function fill(buffer: Uint8Array, from: number, length: number): Promise<void> {
    const pieces: Promise<void>[] = [];
    for (let at = 0; at < length; at += PIECE) {
      const piece = buffer.subarray(at, Math.min(at + PIECE, length));
      pieces.push(fillPiece(piece, from + at, piece.length));
    }
    await allSettled(pieces);
  }

  async function fillPiece(buffer: Uint8Array, from: number, length: number): Promise<void> {
    for (let done = 0; done < length;) {
      const bytesRead = await readSome(buffer, done, length - done, start + from + done);
      if (bytesRead === 0) throw ended(from + done);
      done += bytesRead;
    }
  }

  async function readSome(buffer: Uint8Array, at: number, length: number, position: number) {
    try {
      return (await readAt(fd, buffer, at, length, position)).bytesRead;
    } catch (error) {
      const where = `at byte ${position}`;
      throw new KexportError('source', `cannot read ${name} ${where}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }

  function ended(at: number): KexportError {
    return new KexportError(
      'source',
      `${name} ended at byte ${at} of ${size}: it shrank while it was read`,
    );
  }
}
