// Prepares the pieces of a window for the workers: those read files of this machine by themselves,
// what lies elsewhere is read here.

import type { FillPiece } from '../decompress/fill-window.ts';
import type { FileInput } from './file-input.ts';
import type { Piece } from './pieces.ts';

/** The longest part of a file that is read at once, in bytes. */
const MAX_READ = 4 * 2 ** 20;

/** Where the data of a piece is in its file, in bytes. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** A part of a file that is read at once, and the pieces in it. */
interface Run {
  readonly input: FileInput;
  readonly start: number;
  end: number;
  readonly pieces: Piece[];
}

/** The pieces of a window that begins at `windowStart` on the disk, in their order. */
export async function fillPieces(
  pieces: readonly Piece[],
  windowStart: number,
): Promise<FillPiece[]> {
  const bytes = new Map<Piece, Uint8Array>();
  await Promise.all(runsOf(pieces).map((run) => readRun(run, bytes)));
  return pieces.map((piece) => {
    const { extent, start, end, input } = piece;
    const { kind, diskOffset, diskLength, imageOffset } = extent;
    return {
      kind,
      stored: bytes.get(piece) ?? input.fd!, // one of the two
      imageOffset,
      imageLength: kind === 'plain' ? diskLength : extent.imageLength,
      unpackedLength: diskLength,
      from: start - diskOffset,
      at: start - windowStart,
      length: end - start,
    };
  });
}

/** The pieces that lie elsewhere, neighbours together. */
function runsOf(pieces: readonly Piece[]): Run[] {
  const runs: Run[] = [];
  for (const piece of pieces) {
    const { input } = piece;
    if (input.fd !== undefined) continue;
    const { start, end } = rangeOf(piece);
    const last = runs.at(-1);
    const follows = last?.input === input && start >= last.start && start <= last.end;
    if (last && follows && end - last.start <= MAX_READ) {
      last.end = Math.max(last.end, end);
      last.pieces.push(piece);
    } else runs.push({ input, start, end, pieces: [piece] });
  }
  return runs;
}

function rangeOf({ extent, start, end }: Piece): Range {
  const { kind, diskOffset, imageOffset } = extent;
  if (kind !== 'plain') return { start: imageOffset, end: imageOffset + extent.imageLength };
  const shift = imageOffset - diskOffset;
  return { start: start + shift, end: end + shift };
}

async function readRun(
  { input, start, end, pieces }: Run,
  bytes: Map<Piece, Uint8Array>,
): Promise<void> {
  const whole = await input.read(start, end - start);
  for (const piece of pieces) {
    const range = rangeOf(piece);
    bytes.set(piece, whole.subarray(range.start - start, range.end - start));
  }
}
