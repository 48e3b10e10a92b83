// A file at an address, read by ranges.

import { KexportError } from '../errors.ts';
import type { ReadableFile } from '../host/readable-file.ts';

/** A file that is read by ranges; it must not change meanwhile. */
export interface RemoteFile extends ReadableFile {
  /** Its name in messages. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
}

/** The file, which closes what it is read by. */
export function closedBy(file: RemoteFile, connections: { close(): void }): RemoteFile {
  return {
    ...file,
    close() {
      connections.close();
      return Promise.resolve();
    },
  };
}

/** The first bytes of a file, at most so many. Throws a KexportError. */
export async function headOf(file: RemoteFile, most: number): Promise<Buffer> {
  const head = Buffer.alloc(Math.min(most, file.size));
  await file.read(0, head);
  return head;
}

/** The error of a read past the end of a file. */
export function endsWithin(
  name: string,
  size: number,
  position: number,
  { length }: Uint8Array,
): KexportError {
  const what = `${name} ends at byte ${size}, within ${length} bytes at ${position}`;
  return new KexportError('source', what);
}

/** Reads a range, which lies within the file, into a buffer of its size. */
export type ReadRange = (position: number, target: Uint8Array) => Promise<void>;

// Bytes. A range costs a round trip, so what is read front to back is read in pieces ahead.
const PIECE = 2 ** 20;

const CONNECTIONS = 8;

/** Places where reading may go on: the map of an image and its data take turns. */
const MAX_RUNS = 8;

/** Sequential reads before pieces are read ahead. */
const MIN_RUN = 2;

/**
 * A file whose ranges `readRange` reads, `connections` at a time. Where it is read front to back,
 * the next pieces are read ahead.
 */
export function remoteFile(
  name: string,
  size: number,
  readRange: ReadRange,
  connections = CONNECTIONS,
): RemoteFile {
  const pieces = new Map<number, Promise<Uint8Array>>(); // by their order of use
  const runs: { end: number; reads: number }[] = [];

  const fetchPiece = (index: number): Promise<Uint8Array> => {
    const known = pieces.get(index);
    if (known) pieces.delete(index);
    const piece = known ?? load(index);
    pieces.set(index, piece);
    const [oldest] = pieces.keys();
    if (pieces.size > 2 * connections && oldest !== undefined) pieces.delete(oldest);
    return piece;
  };

  async function load(index: number): Promise<Uint8Array> {
    const position = index * PIECE;
    const bytes = new Uint8Array(Math.min(PIECE, size - position));
    await readRange(position, bytes);
    return bytes;
  }

  return {
    name,
    size,
    async read(position, target) {
      const end = position + target.length;
      if (end > size) throw endsWithin(name, size, position, target);
      const first = Math.floor(position / PIECE);
      const last = Math.floor((end - 1) / PIECE);
      const isRun = goesOn(position, end);
      if (!isRun && !covered(first, last)) return readRange(position, target);
      if (isRun) {
        const ahead = Math.min(last + connections, Math.ceil(size / PIECE) - 1);
        for (let index = first; index <= ahead; index++) fetchPiece(index).catch(() => undefined);
      }
      for (let index = first; index <= last; index++) {
        const start = index * PIECE;
        const piece = await fetchPiece(index);
        const from = Math.max(position, start);
        target.set(piece.subarray(from - start, end - start), from - position);
      }
    },
    close: () => Promise.resolve(),
  };

  /** Whether a read goes on where an earlier one ended, for some time. */
  function goesOn(position: number, end: number): boolean {
    const run = runs.find((one) => position >= one.end && position < one.end + PIECE);
    if (!run) {
      runs.push({ end, reads: 1 });
      if (runs.length > MAX_RUNS) runs.shift();
      return end - position >= PIECE;
    }
    run.end = end;
    run.reads++;
    return run.reads > MIN_RUN;
  }

  function covered(first: number, last: number): boolean {
    for (let index = first; index <= last; index++) if (!pieces.has(index)) return false;
    return true;
  }
}
