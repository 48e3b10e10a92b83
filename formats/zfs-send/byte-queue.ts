/** Bytes that come in pieces and are taken in others. */
export interface ByteQueue {
  /** Bytes that wait. */
  readonly length: number;
  /** Adds bytes, which belong to the queue from now on. */
  push(bytes: Uint8Array): void;
  /** Takes the first `length` bytes, in one array; undefined if so many have not come yet. */
  take(length: number): Uint8Array | undefined;
  /** A copy of the first `length` bytes, or of all if so many have not come yet. */
  peek(length: number): Uint8Array;
}

/** Holds no more than was pushed; bytes are copied only where they come from more than one piece. */
export function byteQueue(): ByteQueue {
  const pieces: Uint8Array[] = [];
  let waiting = 0;

  return {
    get length() {
      return waiting;
    },
    push(bytes) {
      if (bytes.length === 0) return;
      pieces.push(bytes);
      waiting += bytes.length;
    },
    take(length) {
      if (length > waiting) return undefined;
      waiting -= length;
      const first = pieces[0];
      if (first && first.length > length) {
        pieces[0] = first.subarray(length);
        return first.subarray(0, length);
      }
      return joined(length);
    },
    peek(length) {
      const bytes = new Uint8Array(Math.min(length, waiting));
      let filled = 0;
      for (let i = 0; filled < bytes.length; i++) {
        const piece = pieces[i]!.subarray(0, bytes.length - filled); // so many bytes wait
        bytes.set(piece, filled);
        filled += piece.length;
      }
      return bytes;
    },
  };

  function joined(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const piece = pieces[0]!.subarray(0, length - filled); // so many bytes wait
      bytes.set(piece, filled);
      filled += piece.length;
      if (piece.length === pieces[0]!.length) pieces.shift();
      else pieces[0] = pieces[0]!.subarray(piece.length);
    }
    return bytes;
  }
}
