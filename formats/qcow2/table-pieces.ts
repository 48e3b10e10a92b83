import type { ImageInput } from '../contract.ts';
import { viewOf } from '../struct.ts';
import { ENTRY_SIZE } from './layout.ts';

/** Entries of a table that are read at a time. */
const STEP = 8192;

/** Entries of a table that follow on each other. */
export interface TablePiece {
  /** The index of the first one in the table. */
  readonly first: number;
  readonly count: number;
  readonly view: DataView;
}

/**
 * The entries of a table that lies within the image, in pieces. Those in a hole of the file are
 * left out, which are zeros: a small file could otherwise name many long tables in one hole.
 */
export async function* tablePieces(
  input: ImageInput,
  offset: number,
  entryCount: number,
): AsyncGenerator<TablePiece> {
  for (let first = 0; first < entryCount; first += STEP) {
    const count = Math.min(STEP, entryCount - first);
    const at = offset + first * ENTRY_SIZE;
    const length = count * ENTRY_SIZE;
    const isHole = input.isHole?.(at, length);
    if (isHole === true || (await isHole)) continue; // without a wait for each of many
    yield { first, count, view: viewOf(await input.read(at, length)) };
  }
}
