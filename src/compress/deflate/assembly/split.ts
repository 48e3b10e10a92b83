// Cuts the tokens into the blocks that are written: segments of 1,024 tokens, of which neighbours are
// merged while one code for both is estimated to be cheaper than two codes and their headers.

import {
  DISTANCE_EXTRA,
  DISTANCE_SYMBOLS,
  HISTOGRAM_SIZE,
  HISTOGRAM_SYMBOLS,
  HISTOGRAMS,
  INPUT,
  LENGTH_EXTRA,
  SEGMENT,
  SEGMENT_SIZE,
  TOKENS,
} from './layout';
import { log2 } from './tables';

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

let segment: usize = 0;
let segmentStart: usize = 0;

/** Begins the first segment. */
export function openSegments(): void {
  segment = SEGMENT;
  segmentStart = INPUT;
  beginSegment(TOKENS);
}

/** Ends a segment before `token`, which stands for the input at `at`; returns the histogram of the next. */
export function nextSegment(token: usize, at: usize): usize {
  endSegment(at);
  store<u32>(segment, segment + SEGMENT_SIZE, NEXT);
  segment += SEGMENT_SIZE;
  return beginSegment(token);
}

/** Ends the last segment before `token`. */
export function closeSegments(token: usize, end: usize): void {
  endSegment(end);
  store<u32>(segment, 0, NEXT);
  // Not a segment, but where its tokens end.
  store<u32>(segment + SEGMENT_SIZE, token, TOKEN);
}

function beginSegment(token: usize): usize {
  const histogram = HISTOGRAMS + ((segment - SEGMENT) / SEGMENT_SIZE) * HISTOGRAM_SIZE;
  memory.fill(histogram, 0, HISTOGRAM_SIZE);
  store<u32>(histogram + (256 << 2), 1);
  store<u32>(segment, token, TOKEN);
  store<u32>(segment, histogram, HISTOGRAM);
  return histogram;
}

function endSegment(at: usize): void {
  const histogram: usize = load<u32>(segment, HISTOGRAM);
  const bytes = at - segmentStart;
  segmentStart = at;
  let extra: u32 = 0;
  for (let slot: u32 = 0; slot < 29; slot++) {
    extra += load<u32>(histogram + ((257 + slot) << 2)) * load<u8>(slot, LENGTH_EXTRA);
  }
  for (let slot: u32 = 0; slot < 30; slot++) {
    extra += load<u32>(histogram + ((DISTANCE_SYMBOLS + slot) << 2)) * load<u8>(slot, DISTANCE_EXTRA);
  }
  store<u32>(segment, bytes, BYTES);
  store<u32>(segment, extra, EXTRA);
  store<u32>(segment, blockCost(costOf(histogram, 0), extra, bytes), COST);
}

/** Merges the segments into blocks, a list that begins at SEGMENT. */
export function splitTokens(): void {
  merge();

}

/** Where the segment's tokens end. */
export function tokensEnd(at: usize): usize {
  const next: usize = load<u32>(at, NEXT);
  return load<u32>(next ? next : segment + SEGMENT_SIZE, TOKEN);
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
    sum += frequency;
    used += u32(frequency != 0);
    weighted += <u64>frequency * log2(frequency);
  }
  return sum ? <u32>((<u64>sum * log2(sum) - weighted) >> 11) + used * SYMBOL_BITS : 0;
}
