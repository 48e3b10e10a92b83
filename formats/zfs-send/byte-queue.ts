/** Bytes that come in pieces and are taken in others. */
export interface ByteQueue {
  /** Bytes that wait. */
  readonly length: number;
  /** Adds bytes, which must stay as they are until `take` has answered undefined. */
  push(bytes: Uint8Array): void;
  /**
   * Takes the first `length` bytes, in one array; undefined if so many have not come yet: it is then to be asked for as
   * many again. An array stays as it is as long as what was pushed.
   */
  take(length: number): Uint8Array | undefined;
  /** A copy of the first `length` bytes, or of all if so many have not come yet. */
  peek(length: number): Uint8Array;
}

/** Bytes are copied only where what is taken comes from more than one piece. */
export function byteQueue(): ByteQueue {
  /** What is left of what was pushed. */
  let rest: Uint8Array = new Uint8Array(0);
  /** What is asked for and has come only in part, `filled` bytes of it. */
  let begun: Uint8Array | undefined;
  let filled = 0;

  return {
    get length() {
      return filled + rest.length;
    },
    push({ buffer, byteOffset, length }) {
      const bytes = new Uint8Array(buffer, byteOffset, length); // of a Buffer, parts cost twice as much
      rest = rest.length === 0 ? bytes : joined(rest, bytes);
    },
    take(length) {
      if (!begun && rest.length >= length) return next(length);
      begun ??= new Uint8Array(length);
      if (begun.length !== length) throw new Error(`asked for ${begun.length}, then ${length}`);
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
