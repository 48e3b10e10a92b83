// Cuts the tokens into the blocks that are written. The parse makes segments of 1,024 tokens, with
// a histogram each; neighbours are merged as long as one code for both is estimated to take fewer
// bits than two codes and their headers.

import { across } from './lanes';
import {
  DISTANCE_EXTRA,
  DISTANCE_SYMBOLS,
  HISTOGRAM_SIZE,
  HISTOGRAM_SYMBOLS,
  HISTOGRAMS,
  INPUT,
  LENGTH_EXTRA,
  N_LOG2,
  N_LOG2_COUNT,
  SEGMENT_SIZE,
  SEGMENTS,
  TOKENS,
} from './layout';
import { log2 } from './tables';

// Bits of a dynamic block's header, as a rule: for the block, and for each symbol that occurs.
const HEADER_BITS: u32 = 70;
const SYMBOL_BITS: u32 = 4;

/** A run of tokens; after `splitTokens`, a block. At most SEGMENT_SIZE bytes. */
@unmanaged
export class Segment {
  /** Address of its first token, and behind its last. */
  token: usize;
  tokenEnd: usize;
  /** What it stands for. */
  bytes: u32;
  /** Extra bits of its lengths and distances. */
  extra: u32;
  /** Estimated bits, alone and as one with the next. */
  cost: u32;
  joint: u32;
  /** Address of its counts, the end of the block included. */
  histogram: usize;
  next: Segment | null;
}

// The segment that is being filled, and where its input starts.
let current: Segment = changetype<Segment>(SEGMENTS);
let currentStart: usize = 0;

/** The first segment, or block. */
// @ts-ignore: decorator
@inline
export function firstSegment(): Segment {
  return changetype<Segment>(SEGMENTS);
}

/** Begins the first segment; its histogram is at HISTOGRAMS. */
export function openSegments(): void {
  current = firstSegment();
  currentStart = INPUT;
  begin(TOKENS, HISTOGRAMS);
}

/**
 * Ends a segment before `token`, which stands for the input at `at`; returns the histogram of the
 * next.
 */
export function nextSegment(token: usize, at: usize): usize {
  const histogram = current.histogram + HISTOGRAM_SIZE;
  const next = changetype<Segment>(changetype<usize>(current) + SEGMENT_SIZE);
  closeSegments(token, at);
  current.next = next;
  current = next;
  begin(token, histogram);
  return histogram;
}

/** Ends the last segment before `token`. */
export function closeSegments(token: usize, at: usize): void {
  const histogram = current.histogram;
  let extra: u32 = 0;
  for (let slot: usize = 0; slot < 29; slot++) {
    extra += countOf(histogram, 257 + slot) * load<u8>(slot, LENGTH_EXTRA);
  }
  for (let slot: usize = 0; slot < 30; slot++) {
    extra += countOf(histogram, <usize>DISTANCE_SYMBOLS + slot) * load<u8>(slot, DISTANCE_EXTRA);
  }
  current.tokenEnd = token;
  current.bytes = <u32>(at - currentStart);
  current.extra = extra;
  current.cost = estimate(histogram, histogram, 0, extra, current.bytes);
  current.next = null;
  currentStart = at;
}

/** Merges the segments into blocks. */
export function splitTokens(): void {
  for (let at: Segment | null = firstSegment(); at; at = at.next) judge(at);
  while (true) {
    let best: Segment | null = null;
    let bestBefore: Segment | null = null;
    let most: i32 = 0;
    let before: Segment | null = null;
    for (let at = firstSegment(); ;) {
      const next = at.next;
      if (!next) break;
      const gain = <i32>(at.cost + next.cost - at.joint);
      if (gain >= most) {
        most = gain;
        best = at;
        bestBefore = before;
      }
      before = at;
      at = next;
    }
    if (!best) return;
    absorbNext(best);
    judge(best);
    if (bestBefore) judge(bestBefore);
  }
}

function begin(token: usize, histogram: usize): void {
  memory.fill(histogram, 0, HISTOGRAM_SIZE);
  store<u32>(histogram + (256 << 2), 1);
  current.token = token;
  current.histogram = histogram;
}

// @ts-ignore: decorator
@inline
function countOf(histogram: usize, symbol: usize): u32 {
  return load<u32>(histogram + (symbol << 2));
}

/** Notes what the segment and the next would cost as one. */
function judge(at: Segment): void {
  const next = at.next;
  if (!next) return;
  const extra = at.extra + next.extra;
  at.joint = estimate(at.histogram, next.histogram, u32.MAX_VALUE, extra, at.bytes + next.bytes);
}

function absorbNext(at: Segment): void {
  const next = at.next!;
  for (let i: usize = 0; i < HISTOGRAM_SIZE; i += 16) {
    const sum = i32x4.add(v128.load(at.histogram + i), v128.load(next.histogram + i));
    v128.store(at.histogram + i, sum);
  }
  at.tokenEnd = next.tokenEnd;
  at.bytes += next.bytes;
  at.extra += next.extra;
  at.cost = at.joint;
  at.next = next.next;
}

/**
 * Estimates a block of one histogram and of those counts of another that `mask` lets through, in
 * bits.
 */
function estimate(a: usize, b: usize, mask: u32, extra: u32, bytes: u32): u32 {
  const literals = entropy(a, b, mask, 0, DISTANCE_SYMBOLS);
  const distances = entropy(a, b, mask, DISTANCE_SYMBOLS, HISTOGRAM_SYMBOLS);
  return min(HEADER_BITS + literals + distances + extra, 8 * bytes + 40);
}

/**
 * The codes of some of the symbols, n log n less the sum of all f log f, and those symbols in the
 * header.
 */
function entropy(a: usize, b: usize, mask: u32, from: usize, to: usize): u32 {
  const allowed = i32x4.splat(mask);
  const zero = i32x4.splat(0);
  const most = i32x4.splat(N_LOG2_COUNT - 1);
  let sums = zero;
  let unused = zero;
  let weighted: u32 = 0; // at most 2^16 times 16 bits
  for (let at = from << 2; at < to << 2; at += 16) {
    const counts = i32x4.add(v128.load(a + at), v128.and(v128.load(b + at), allowed));
    sums = i32x4.add(sums, counts);
    unused = i32x4.sub(unused, i32x4.eq(counts, zero));
    if (v128.any_true(i32x4.gt_u(counts, most))) {
      weighted +=
        product(i32x4.extract_lane(counts, 0)) +
        product(i32x4.extract_lane(counts, 1)) +
        product(i32x4.extract_lane(counts, 2)) +
        product(i32x4.extract_lane(counts, 3));
    } else {
      weighted +=
        load<u32>(i32x4.extract_lane(counts, 0) << 2, N_LOG2) +
        load<u32>(i32x4.extract_lane(counts, 1) << 2, N_LOG2) +
        load<u32>(i32x4.extract_lane(counts, 2) << 2, N_LOG2) +
        load<u32>(i32x4.extract_lane(counts, 3) << 2, N_LOG2);
    }
  }
  const sum = across(sums);
  const used = <u32>(to - from) - across(unused);
  return ((sum * log2(sum) - weighted) >> 11) + used * SYMBOL_BITS;
}

function product(count: u32): u32 {
  return count * log2(count);
}
