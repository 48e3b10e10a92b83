// Tells input that does not compress, because it is compressed or encrypted already, before it is
// parsed: its bytes are about equally frequent, and nothing in it is repeated.

import { COUNTERS, INPUT } from './layout';
import { exchangeLatest, forgetPositions } from './match';

const SYMBOLS: u64 = 256;

// Chi-square of bytes that are all as frequent is 255, with a deviation of 23. It is taken of every
// 64th byte, which tells nearly all that compresses, then of every 8th: up to 450 a Huffman code
// would save about what its lengths take.
const FIRST_SHIFT: u32 = 6;
const FIRST_LIMIT: u64 = 370;
const SECOND_SHIFT: u32 = 3;
const SECOND_LIMIT: u64 = 450;
/** Shorter input has too few of every 64th. */
const MIN_LENGTH: usize = 16_384;

/** A string is looked for if its first byte has these bits: one of sixteen. */
const LOOKED_FOR: u8 = 15;

/** Whether the input up to `end` is best stored as it is. */
export function isNoise(end: usize): bool {
  return (
    end - INPUT >= MIN_LENGTH &&
    isEven(end, FIRST_SHIFT, FIRST_LIMIT) &&
    isEven(end, SECOND_SHIFT, SECOND_LIMIT) &&
    !hasRepeats(end)
  );
}

/** Whether chi-square of every 2^`shift`-th byte is at most so much. */
function isEven(end: usize, shift: u32, limit: u64): bool {
  memory.fill(COUNTERS, 0, 4 * <usize>SYMBOLS);
  const step = <usize>1 << shift;
  let count: u64 = 0;
  for (let at: usize = INPUT; at < end; at += step) {
    const counter = COUNTERS + ((<usize>load<u8>(at)) << 2);
    store<u32>(counter, load<u32>(counter) + 1);
    count++;
  }
  let squares: u64 = 0;
  for (let i: usize = 0; i < <usize>SYMBOLS; i++) {
    const found: u64 = load<u32>(i << 2, COUNTERS);
    squares += found * found;
  }
  return SYMBOLS * squares <= (count + limit) * count;
}

/** Whether 8 bytes are repeated, of those that are looked for. A long repetition has many. */
function hasRepeats(end: usize): bool {
  forgetPositions();
  const wanted = i8x16.splat(LOOKED_FOR);
  const stop = min<usize>(end - 24, 0x10000 - 16);
  for (let start: usize = INPUT; start < stop; start += 16) {
    let found = i8x16.bitmask(i8x16.eq(v128.and(v128.load(start), wanted), wanted));
    for (; found; found &= found - 1) {
      const at = start + ctz(found);
      const before = exchangeLatest(at, load<u32>(at));
      if (before && load<u64>(before) == load<u64>(at)) return true;
    }
  }
  return false;
}
