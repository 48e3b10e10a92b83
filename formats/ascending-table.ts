/** A table whose entries are set in ascending order. */
export interface AscendingTable {
  /** The piece of that number, to be changed until a later one is asked for. */
  piece(index: number): Uint8Array;
  /** Hands on what is left of the table, which has `length` bytes in all. */
  finish(length: number): void;
}

/**
 * A table in pieces of the size of `empty`, each as that is at first. A piece is handed on to `put`
 * with its offset once a later one is asked for, so the table takes the memory of one piece,
 * however long it is. What was handed on does not change any more, `empty` included.
 */
export function ascendingTable(
  empty: Uint8Array,
  put: (offset: number, bytes: Uint8Array) => void,
): AscendingTable {
  let current: { readonly index: number; readonly bytes: Uint8Array } | undefined;
  let next = 0; // the first piece that was not handed on
  const handOn = (length: number) => {
    for (let offset = next * empty.length; offset < length; offset = next * empty.length) {
      const bytes = current?.index === next ? current.bytes : empty;
      put(offset, bytes.subarray(0, length - offset));
      next++;
    }
  };
  return {
    piece(index) {
      if (current?.index === index) return current.bytes;
      handOn(index * empty.length);
      current = { index, bytes: new Uint8Array(empty) };
      return current.bytes;
    },
    finish: handOn,
  };
}
