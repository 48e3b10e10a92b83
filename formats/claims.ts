/** Which sectors of a window of an image are taken. */
export interface Claims {
  /** Takes sectors and answers the first that was taken already; undefined if none was. */
  claim(start: number, count: number): number | undefined;
  /** Moves on to the window that follows; what was claimed past the end of the one before is kept. */
  next(): void;
}

/**
 * Claims in a window of `size` sectors from 0 on, both multiples of 32, each of which begins in it and reaches at most `reach`
 * sectors past its end. An image is looked through in windows so that memory does not grow with it.
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
        const word = words[at >>> 5]!;
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
