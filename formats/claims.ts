/** The sectors in a window of an image that are in use. */
export interface Claims {
  /** Claims sectors. Returns the first that was claimed before; undefined if none was. */
  claim(start: number, count: number): number | undefined;
  /** Moves to the next window; claims past the end of this one are kept. */
  next(): void;
}

/**
 * Claims in windows of `size` sectors, of which the first begins at 0. A claim begins in the window
 * and ends at most `reach` sectors past it. `size` and `reach` are multiples of 32. An image is
 * checked window by window so that memory does not grow with it.
 */
export function claimsOf(size: number, reach: number): Claims {
  const words = new Uint32Array((size + reach) / 32 + 1);
  let windowStart = 0;
  return {
    claim(start, count) {
      let first: number | undefined;
      const end = start + count - windowStart;
      for (let at = start - windowStart; at < end;) {
        const stop = Math.min(end, (at | 31) + 1);
        const mask = (0xffff_ffff >>> (32 - (stop - at))) << (at & 31);
        const word = words[at >>> 5]!; // within the window and its reach
        const taken = word & mask;
        if (taken !== 0) first ??= windowStart + (at & ~31) + (31 - Math.clz32(taken & -taken));
        words[at >>> 5] = word | mask;
        at = stop;
      }
      return first;
    },
    next() {
      windowStart += size;
      words.copyWithin(0, size / 32);
      words.fill(0, words.length - size / 32);
    },
  };
}
