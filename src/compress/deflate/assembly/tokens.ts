// Puts down one token (layout.ts, TOKENS) and counts its symbols.

import { DISTANCE_SYMBOLS, LENGTH_SLOT, MATCH } from './layout';
import { distanceSlot } from './tables';

/** Puts the byte at `at` as a literal. */
// @ts-ignore: decorator
@inline
export function putLiteral(token: usize, histogram: usize, at: usize): void {
  const byte: u32 = load<u8>(at);
  store<u32>(token, byte << 16);
  const count = histogram + (byte << 2);
  store<u32>(count, load<u32>(count) + 1);
}

/** Puts a match as `findMatch` gives it. */
// @ts-ignore: decorator
@inline
export function putMatch(token: usize, histogram: usize, match: u32): void {
  store<u32>(token, match + (MATCH << 16));
  const length = histogram + ((<u32>load<u8>(match >> 16, LENGTH_SLOT)) << 2);
  store<u32>(length, load<u32>(length, 257 << 2) + 1, 257 << 2);
  const distance = histogram + (distanceSlot(match & 0xffff) << 2);
  store<u32>(distance, load<u32>(distance, DISTANCE_SYMBOLS << 2) + 1, DISTANCE_SYMBOLS << 2);
}
