// Huffman codes of limited length, as RFC 1951, section 3.2.2 wants them.
//
// symbols sorted by frequency -> tree, built in place (Moffat and Katajainen) -> how many codes of
// each length, cut at the limit -> a length per symbol, the rarest longest -> the codes, bits
// reversed.

import { COUNTERS, NODES, SORTED, SORTED_OTHER } from './layout';

const SYMBOL_BITS: u32 = 9;
const SYMBOL_MASK: u32 = (1 << SYMBOL_BITS) - 1;

/**
 * Puts a code length for each of `count` symbols at `lengths` (u8), given their frequencies (u32,
 * the sum below 2^23); 0 for those that do not occur. At least two symbols always get a length, so
 * that the code is complete: some inflaters reject others (RFC 1951, section 3.2.7 allows one code
 * of one bit).
 */
export function buildLengths(frequencies: usize, count: u32, limit: u32, lengths: usize): void {
  memory.fill(lengths, 0, count);
  const used = sortSymbols(frequencies, count);
  if (used < 2) {
    const only: u32 = used ? load<u32>(SORTED) & SYMBOL_MASK : 0;
    store<u8>(lengths + only, 1);
    store<u8>(lengths + (only ? 0 : 1), 1);
    return;
  }
  buildTree(used);
  countLengths(used, limit);
  let at: u32 = 0;
  for (let length = limit; length > 0; length--) {
    for (let left = load<u32>(length << 2, COUNTERS); left > 0; left--) {
      store<u8>(lengths + (load<u32>(at << 2, SORTED) & SYMBOL_MASK), length);
      at++;
    }
  }
}

/** Puts `length << 24 | code` at `codes` (u32) for each symbol that has a length. */
export function buildCodes(lengths: usize, count: u32, codes: usize): void {
  memory.fill(COUNTERS, 0, 16 * 4);
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const counter = COUNTERS + ((<u32>load<u8>(lengths + symbol)) << 2);
    store<u32>(counter, load<u32>(counter) + 1);
  }
  store<u32>(COUNTERS, 0);
  let next: u32 = 0;
  for (let length: u32 = 1; length < 16; length++) {
    const here = load<u32>(length << 2, COUNTERS);
    store<u32>(length << 2, next, COUNTERS);
    next = (next + here) << 1;
  }
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const length: u32 = load<u8>(lengths + symbol);
    const code = load<u32>(length << 2, COUNTERS);
    store<u32>(length << 2, code + 1, COUNTERS);
    store<u32>(codes + (symbol << 2), length ? (length << 24) | reverse(code, length) : 0);
  }
}

/** Sorts by frequency, then by symbol, as `frequency << 9 | symbol`; returns how many occur. */
function sortSymbols(frequencies: usize, count: u32): u32 {
  let used: u32 = 0;
  let most: u32 = 0;
  for (let symbol: u32 = 0; symbol < count; symbol++) {
    const frequency = load<u32>(frequencies + (symbol << 2));
    if (frequency) {
      store<u32>(used << 2, (frequency << SYMBOL_BITS) | symbol, SORTED);
      used++;
      most = max(most, frequency);
    }
  }
  // Byte by byte, from the lowest; an even number of passes ends where it began.
  sortByte(SORTED, SORTED_OTHER, used, SYMBOL_BITS);
  sortByte(SORTED_OTHER, SORTED, used, SYMBOL_BITS + 8);
  if (most > 0xffff) {
    sortByte(SORTED, SORTED_OTHER, used, SYMBOL_BITS + 16);
    memory.copy(SORTED, SORTED_OTHER, used << 2);
  }
  return used;
}

function sortByte(from: usize, to: usize, count: u32, shift: u32): void {
  memory.fill(COUNTERS, 0, 256 * 4);
  for (let i: u32 = 0; i < count; i++) {
    const counter = COUNTERS + (((load<u32>(from + (i << 2)) >> shift) & 0xff) << 2);
    store<u32>(counter, load<u32>(counter) + 1);
  }
  let sum: u32 = 0;
  for (let i: u32 = 0; i < 256; i++) {
    const here = load<u32>(i << 2, COUNTERS);
    store<u32>(i << 2, sum, COUNTERS);
    sum += here;
  }
  for (let i: u32 = 0; i < count; i++) {
    const item = load<u32>(from + (i << 2));
    const counter = COUNTERS + (((item >> shift) & 0xff) << 2);
    const place = load<u32>(counter);
    store<u32>(counter, place + 1);
    store<u32>(to + (place << 2), item);
  }
}

/**
 * Joins the two rarest of leaves and inner nodes until one is left. The inner nodes come out
 * sorted, so two queues do. Each inner node (u32 at NODES) is its frequency until it is joined,
 * then its parent.
 */
function buildTree(used: u32): void {
  let leaf: u32 = 0;
  let inner: u32 = 0;
  for (let node: u32 = 0; node < used - 1; node++) {
    let frequency: u32 = 0;
    for (let i = 0; i < 2; i++) {
      const leafFrequency =
        leaf < used ? load<u32>(leaf << 2, SORTED) >> SYMBOL_BITS : u32.MAX_VALUE;
      if (inner < node && load<u32>(inner << 2, NODES) < leafFrequency) {
        frequency += load<u32>(inner << 2, NODES);
        store<u32>(inner << 2, node, NODES);
        inner++;
      } else {
        frequency += leafFrequency;
        leaf++;
      }
    }
    store<u32>(node << 2, frequency, NODES);
  }
}

/**
 * Puts how many codes have each length at COUNTERS (u32). From the root down, each inner node turns
 * one code of its depth into two of the next; one that lies at the limit takes the deepest code
 * above instead.
 */
function countLengths(used: u32, limit: u32): void {
  memory.fill(COUNTERS, 0, 17 * 4);
  store<u32>(1 << 2, 2, COUNTERS);
  const root = used - 2;
  store<u32>(root << 2, 0, NODES);
  for (let node = <i32>root - 1; node >= 0; node--) {
    let depth = load<u32>(load<u32>(node << 2, NODES) << 2, NODES) + 1;
    store<u32>(node << 2, depth, NODES);
    if (depth >= limit) {
      depth = limit - 1;
      while (!load<u32>(depth << 2, COUNTERS)) depth--;
    }
    store<u32>(depth << 2, load<u32>(depth << 2, COUNTERS) - 1, COUNTERS);
    store<u32>(depth << 2, load<u32>(depth << 2, COUNTERS + 4) + 2, COUNTERS + 4);
  }
}

function reverse(code: u32, length: u32): u32 {
  code = ((code & 0x5555) << 1) | ((code >> 1) & 0x5555);
  code = ((code & 0x3333) << 2) | ((code >> 2) & 0x3333);
  code = ((code & 0x0f0f) << 4) | ((code >> 4) & 0x0f0f);
  code = ((code & 0x00ff) << 8) | (code >> 8);
  return (code & 0xffff) >> (16 - length);
}
