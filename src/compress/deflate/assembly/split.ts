// Cuts the tokens into the blocks that are written: segments of 1,024 tokens, of which neighbours are
// merged while one code for both is estimated to be cheaper than two codes and their headers.

import {
  DISTANCE_EXTRA,
  DISTANCE_SYMBOLS,
  HISTOGRAM_SIZE,
  HISTOGRAM_SYMBOLS,
  HISTOGRAMS,
  LENGTH_EXTRA,
  LENGTH_SLOT,
  SEGMENT,
  SEGMENT_SIZE,
  SEGMENT_TOKENS,
} from './layout';
import { distanceSlot, log2 } from './tables';

// A segment's record, u32 each.
const TOKEN: usize = 0; // address of its first token
const BYTES: usize = 4; // of input
const EXTRA: usize = 8; // bits behind its codes
const COST: usize = 12; // of it alone, in bits
const JOINT: usize = 16; // of it and the next as one, in bits
const NEXT: usize = 20; // address of the next record, 0 after the last
const HISTOGRAM: usize = 24;

// Bits of a dynamic block's header: for the block, and for each symbol that occurs.
const HEADER_BITS: u32 = 70;
const SYMBOL_BITS: u32 = 4;

@unmanaged
export class Segment {
  token: usize;
  bytes: u32;
  extra: u32;
  cost: u32;
  joint: u32;
  next: usize;
  histogram: usize;
}

/** Splits the tokens before `end`; returns the first segment of a list. */
export function splitTokens(tokens: usize, end: usize): usize {
  let count: usize = 0;
  let token = tokens;
  do {
    const record = SEGMENT + count * SEGMENT_SIZE;
    const next = min(token + ((<usize>SEGMENT_TOKENS) << 2), end);
    const histogram = HISTOGRAMS + count * HISTOGRAM_SIZE;
    store<u32>(record, token, TOKEN);
    store<u32>(record, histogram, HISTOGRAM);
    store<u32>(record, record + SEGMENT_SIZE, NEXT);
    countTokens(record, token, next);
    const symbols = costOf(histogram, 0);
    store<u32>(record, blockCost(symbols, load<u32>(record, EXTRA), load<u32>(record, BYTES)), COST);
    token = next;
    count++;
  } while (token < end);
  store<u32>(SEGMENT + (count - 1) * SEGMENT_SIZE, 0, NEXT);
  merge();
  return SEGMENT;
}

function merge(): void {
  for (let at = SEGMENT; at; at = load<u32>(at, NEXT)) judge(at);
  while (true) {
    let best: usize = 0;
    let most: i32 = 0;
    for (let at: usize = SEGMENT; load<u32>(at, NEXT); at = load<u32>(at, NEXT)) {
      const gain = <i32>(
        (load<u32>(at, COST) + load<u32>(load<u32>(at, NEXT), COST) - load<u32>(at, JOINT))
      );
      if (gain >= most) {
        most = gain;
        best = at;
      }
    }
    if (!best) return;
    let before: usize = SEGMENT;
    while (before != best && load<u32>(before, NEXT) != best) before = load<u32>(before, NEXT);
    absorb(best);
    judge(best);
    if (before != best) judge(before);
  }
}

/** Notes what the segment and the next would cost as one. */
function judge(at: usize): void {
  const next: usize = load<u32>(at, NEXT);
  if (!next) return;
  const symbols = costOf(load<u32>(at, HISTOGRAM), load<u32>(next, HISTOGRAM));
  const cost = blockCost(
    symbols,
    load<u32>(at, EXTRA) + load<u32>(next, EXTRA),
    load<u32>(at, BYTES) + load<u32>(next, BYTES),
  );
  store<u32>(at, cost, JOINT);
}

/** Makes one segment of it and the next. */
function absorb(at: usize): void {
  const next: usize = load<u32>(at, NEXT);
  const to: usize = load<u32>(at, HISTOGRAM);
  const from: usize = load<u32>(next, HISTOGRAM);
  for (let i: usize = 0; i < HISTOGRAM_SIZE; i += 16) {
    v128.store(to + i, i32x4.add(v128.load(to + i), v128.load(from + i)));
  }
  store<u32>(at, load<u32>(at, JOINT), COST);
  store<u32>(at, load<u32>(at, EXTRA) + load<u32>(next, EXTRA), EXTRA);
  store<u32>(at, load<u32>(at, BYTES) + load<u32>(next, BYTES), BYTES);
  store<u32>(at, load<u32>(next, NEXT), NEXT);
}

function countTokens(record: usize, at: usize, end: usize): void {
  const histogram: usize = load<u32>(record, HISTOGRAM);
  memory.fill(histogram, 0, HISTOGRAM_SIZE);
  let bytes: u32 = 0;
  let extra: u32 = 0;
  for (; at < end; at += 4) {
    const token = load<u32>(at);
    if (token < 256) {
      const place = histogram + (token << 2);
      store<u32>(place, load<u32>(place) + 1);
      bytes++;
    } else {
      const length = token >> 16;
      const slot: u32 = load<u8>(length, LENGTH_SLOT);
      const place = histogram + ((257 + slot) << 2);
      store<u32>(place, load<u32>(place) + 1);
      const distance = distanceSlot(token & 0xffff);
      const other = histogram + ((DISTANCE_SYMBOLS + distance) << 2);
      store<u32>(other, load<u32>(other) + 1);
      extra += <u32>load<u8>(slot, LENGTH_EXTRA) + <u32>load<u8>(distance, DISTANCE_EXTRA);
      bytes += length;
    }
  }
  store<u32>(record, bytes, BYTES);
  store<u32>(record, extra, EXTRA);
  // End of block.
  store<u32>(histogram + (256 << 2), 1);
}

// @ts-ignore: decorator
@inline
function blockCost(symbols: u32, extra: u32, bytes: u32): u32 {
  return min(symbols + extra, 8 * bytes + 40);
}

/** Estimates the codes and the header of one or two histograms, in bits. */
function costOf(a: usize, b: usize): u32 {
  // A histogram of zeros' stead: itself, masked away.
  const mask: u32 = b ? u32.MAX_VALUE : 0;
  if (!b) b = a;
  return HEADER_BITS + costOfSome(a, b, mask, 0, DISTANCE_SYMBOLS) +
    costOfSome(a, b, mask, DISTANCE_SYMBOLS, HISTOGRAM_SYMBOLS);
}

// The entropy: n log n less the sum of f log f.
function costOfSome(a: usize, b: usize, mask: u32, from: usize, to: usize): u32 {
  let sum: u32 = 0;
  let weighted: u64 = 0;
  let used: u32 = 0;
  for (let i = from << 2; i < to << 2; i += 4) {
    const frequency = load<u32>(a + i) + (load<u32>(b + i) & mask);
    if (frequency) {
      sum += frequency;
      used++;
      weighted += <u64>frequency * log2(frequency);
    }
  }
  return sum ? <u32>((<u64>sum * log2(sum) - weighted) >> 11) + used * SYMBOL_BITS : 0;
}
