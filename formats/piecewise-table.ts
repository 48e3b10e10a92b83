/** A piece of a table and its offset in bytes. */
export type Piece = readonly [offset: number, bytes: Uint8Array];

/** A table of which only some pieces are filled. */
export interface PiecewiseTable {
  /** The piece with that index, for the caller to change. */
  piece(index: number): Uint8Array;
  /** The first `length` bytes of the table in its pieces, which must not be changed afterwards. */
  pieces(length: number): Generator<Piece>;
}

/**
 * A table of any length whose pieces all begin as `empty`. Its memory grows with the pieces that
 * were requested: all others are the same array `empty`, which the table owns.
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
