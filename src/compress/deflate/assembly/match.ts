// Finds earlier copies of what stands at a position: chains of positions whose next 4 bytes hash
// alike, and one position per hash of 3 bytes, since short matches only pay nearby.

import { HEAD3, HEAD3_BITS, HEAD3_SIZE, HEAD4, HEAD4_BITS, HEAD4_SIZE, PREVIOUS } from './layout';

const MULTIPLIER: u32 = 0x1e35_a7bd;

/** The longest match (RFC 1951, section 3.2.5). */
export const MAX_MATCH: u32 = 258;
/** The most that `findMatches` notes of one position. */
export const MAX_MATCHES: usize = 32;

/** Forgets every position. */
export function forgetPositions(): void {
  memory.fill(HEAD3, 0, HEAD3_SIZE + HEAD4_SIZE);
}

// @ts-ignore: decorator
@inline
function slot3(bytes: u32): usize {
  return (((bytes << 8) * MULTIPLIER) >> (32 - HEAD3_BITS)) << 1;
}

// @ts-ignore: decorator
@inline
function slot4(bytes: u32): usize {
  return ((bytes * MULTIPLIER) >> (32 - HEAD4_BITS)) << 1;
}

/**
 * Enters `at`, where `bytes` stand, by its 4 bytes alone; returns the position entered before it, 0
 * if none.
 */
// @ts-ignore: decorator
@inline
export function exchangeLatest(at: usize, bytes: u32): usize {
  const four = slot4(bytes);
  const latest: usize = load<u16>(four, HEAD4);
  store<u16>(four, at, HEAD4);
  return latest;
}

/** Enters positions into the tables: from `at` up to `stop`, which is not. */
// @ts-ignore: decorator
@inline
export function enterPositions(at: usize, stop: usize): void {
  for (; at < stop; at++) {
    const bytes = load<u32>(at);
    const four = slot4(bytes);
    store<u16>(slot3(bytes), at, HEAD3);
    store<u16>(at << 1, load<u16>(four, HEAD4), PREVIOUS);
    store<u16>(four, at, HEAD4);
  }
}

/** Whether the latest position with the same hash has the same 4 bytes. */
// @ts-ignore: decorator
@inline
export function hasMatch(at: usize, window: usize): bool {
  const bytes = load<u32>(at);
  const candidate: usize = load<u16>(slot4(bytes), HEAD4);
  return candidate != 0 && candidate + window >= at && load<u32>(candidate) == bytes;
}

/** How many bytes at `a` and `b` are alike, from `length` up to `most`. */
// @ts-ignore: decorator
@inline
export function extend(a: usize, b: usize, length: u32, most: u32): u32 {
  while (length < most) {
    const difference = load<u64>(a + length) ^ load<u64>(b + length);
    if (difference) {
      return min(length + ((<u32>ctz(difference)) >> 3), most);
    }
    length += 8;
  }
  return most;
}

/**
 * Enters `at` into the tables and finds the longest match for it that is longer than `length`, at
 * most
 * `most`, looking at up to `depth` earlier positions and no further once one is `nice`. Returns
 * `length << 16 | distance`, the distance at most `window`, or 0 if there is none.
 */
// @ts-ignore: decorator
@inline
export function findMatch(
  at: usize,
  window: usize,
  length: u32,
  most: u32,
  nice: u32,
  depth: u32,
): u32 {
  const bytes = load<u32>(at);
  const three = slot3(bytes);
  const four = slot4(bytes);
  let candidate: usize = load<u16>(four, HEAD4);
  const near: usize = load<u16>(three, HEAD3);
  store<u16>(three, at, HEAD3);
  store<u16>(four, at, HEAD4);
  store<u16>(at << 1, candidate, PREVIOUS);

  const oldest: usize = at > window ? at - window : 1;
  // Without 3 bytes alike there are no 4 either.
  if (near < oldest) return 0;
  let found: usize = 0;
  if (length < 4) {
    if (length < 3 && !((load<u32>(near) ^ bytes) << 8)) {
      length = 3;
      found = near;
    }
    // The first of 4 bytes.
    while (true) {
      if (candidate < oldest) return found ? (3 << 16) | (<u32>(at - found)) : 0;
      if (load<u32>(candidate) == bytes) break;
      candidate = load<u16>(candidate << 1, PREVIOUS);
      if (!--depth) return found ? (3 << 16) | (<u32>(at - found)) : 0;
    }
    found = candidate;
    length = extend(at, found, 4, most);
    if (length >= nice || !--depth) return (length << 16) | (<u32>(at - found));
    candidate = load<u16>(candidate << 1, PREVIOUS);
  } else if (length >= nice) return 0;
  // Longer ones: must be alike at the end of the best so far, where most differ, and at the start.
  let ending = load<u32>(at + length - 3);
  while (candidate >= oldest) {
    if (load<u32>(candidate + length - 3) == ending && load<u32>(candidate) == bytes) {
      const longer = extend(at, candidate, 4, most);
      if (longer > length) {
        length = longer;
        found = candidate;
        if (length >= nice) break;
        ending = load<u32>(at + length - 3);
      }
    }
    candidate = load<u16>(candidate << 1, PREVIOUS);
    if (!--depth) break;
  }
  return found ? (length << 16) | (<u32>(at - found)) : 0;
}

/**
 * Enters `at` into the tables and notes its matches at `to`, as `length << 16 | distance`, each
 * longer and farther than the one before it; returns the address behind the last. At most
 * MAX_MATCHES.
 */
// @ts-ignore: decorator
@inline
export function findMatches(
  at: usize,
  window: usize,
  most: u32,
  nice: u32,
  depth: u32,
  to: usize,
): usize {
  const bytes = load<u32>(at);
  const three = slot3(bytes);
  const four = slot4(bytes);
  let candidate: usize = load<u16>(four, HEAD4);
  const near: usize = load<u16>(three, HEAD3);
  store<u16>(three, at, HEAD3);
  store<u16>(four, at, HEAD4);
  store<u16>(at << 1, candidate, PREVIOUS);
  const oldest: usize = at > window ? at - window : 1;
  if (near < oldest) return to;
  let length: u32 = 3;
  if (!((load<u32>(near) ^ bytes) << 8)) {
    store<u32>(to, (3 << 16) | (<u32>(at - near)));
    to += 4;
  }
  let ending = bytes;
  const full = to + ((MAX_MATCHES - 1) << 2);
  while (candidate >= oldest && to < full) {
    if (load<u32>(candidate + length - 3) == ending && load<u32>(candidate) == bytes) {
      const longer = extend(at, candidate, 4, most);
      if (longer > length) {
        length = longer;
        store<u32>(to, (length << 16) | (<u32>(at - candidate)));
        to += 4;
        if (length >= nice) break;
        ending = load<u32>(at + length - 3);
      }
    }
    candidate = load<u16>(candidate << 1, PREVIOUS);
    if (!--depth) break;
  }
  return to;
}
