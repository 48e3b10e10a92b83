/** Bytes and their offset in something larger. */
export type Piece = readonly [offset: number, bytes: Uint8Array];

/** A table that is filled here and there. */
export interface PiecewiseTable {
  /** The piece of that number, to be changed. */
  piece(index: number): Uint8Array;
  /** The first `length` bytes of the table in its pieces, which must not be changed afterwards. */
  pieces(length: number): Generator<Piece>;
}

/**
 * A table of any length, of which each piece is `empty` at first. Its memory grows with the pieces
 * that were asked for: the others are all the one `empty`, which belongs to the table.
 */
export function piecewiseTable(empty: Uint8Array): PiecewiseTable {
  const filled = new Map<number, Uint8Array>();
  return {
    piece(index) {
      const piece = filled.get(index) ?? new Uint8Array(empty);
      filled.set(index, piece);
      return piece;
    },
    *pieces(length) {
      for (let index = 0, at = 0; at < length; index++, at += empty.length) {
        yield [at, (filled.get(index) ?? empty).subarray(0, length - at)];
      }
    },
  };
}
