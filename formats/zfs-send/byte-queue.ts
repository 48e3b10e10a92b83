/** A queue of bytes that are pushed in pieces of one size and taken in pieces of another. */
export interface ByteQueue {
  /** Number of bytes in the queue. */
  readonly length: number;
  /** Adds bytes, which must not change until `take` has returned undefined. */
  push(bytes: Uint8Array): void;
  /**
   * Takes the first `length` bytes. Returns undefined if there are fewer; the next call must then
   * be for the same length. The array is valid as long as the bytes that were pushed.
   */
  take(length: number): Uint8Array | undefined;
  /** A copy of the first `length` bytes, or of all if there are fewer. */
  peek(length: number): Uint8Array;
}

/** Copies only bytes that are taken from more than one piece. */
export function byteQueue(): ByteQueue {
  /** Pushed bytes that were not taken. */
  let rest: Uint8Array = new Uint8Array(0);
  /** A take that cannot be completed yet; it has `filled` bytes. */
  let begun: Uint8Array | undefined;
  let filled = 0;

  return {
    get length() {
      return filled + rest.length;
    },
    push({ buffer, byteOffset, length }) {
      // Not a Buffer, whose subarrays cost twice as much.
      const bytes = new Uint8Array(buffer, byteOffset, length);
      rest = rest.length === 0 ? bytes : joined(rest, bytes);
    },
    take(length) {
      if (!begun && rest.length >= length) return next(length);
      begun ??= new Uint8Array(length);
      if (begun.length !== length) {
        throw new Error(`${begun.length} bytes were requested, now ${length}`);
      }
      const more = next(Math.min(length - filled, rest.length));
      begun.set(more, filled);
      filled += more.length;
      if (filled < length) return undefined;
      const whole = begun;
      begun = undefined;
      filled = 0;
      return whole;
    },
    peek: (length) => joined((begun ?? rest).subarray(0, filled), rest).slice(0, length),
  };

  function next(length: number): Uint8Array {
    const bytes = rest.subarray(0, length);
    rest = rest.subarray(length);
    return bytes;
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(first.length + second.length);
  bytes.set(first);
  bytes.set(second, first.length);
  return bytes;
}
