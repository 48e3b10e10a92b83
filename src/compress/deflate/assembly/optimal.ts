// The tokens that cost least at given prices, by dynamic programming from the end of the input to
// its start. The prices are what the blocks of the parse before would take for each symbol.

import {
  DISTANCE_EXTRA,
  DISTANCE_PRICES,
  DISTANCE_SYMBOLS,
  HISTOGRAMS,
  INDEX_PRICES,
  INPUT,
  LENGTH_EXTRA,
  LENGTH_SLOT,
  MATCH,
  MATCH_COUNTS,
  MATCHES,
  MATCHES_END,
  PRICE_TO_END,
  SEGMENT_TOKENS,
  TOKENS,
} from './layout';
import { optimalDepth, optimalNice } from './levels';
import { enterPositions, findMatches, forgetPositions, MAX_MATCH, MAX_MATCHES } from './match';
import { closeSegments, firstSegment, nextSegment, openSegments, Segment } from './split';
import { distanceSlot, log2 } from './tables';
import { putLiteral, putMatch } from './tokens';

let matchesEnd: usize = 0;

/**
 * Notes the matches of every position up to `end`, but for those inside a match of the nice length.
 */
export function noteMatches(end: usize, window: usize): void {
  forgetPositions();
  const stop = min<usize>(end - 3, 0x10000);
  let to = MATCHES;
  let at: usize = INPUT;
  memory.fill(MATCH_COUNTS, 0, end);
  while (at < stop) {
    const most = min<u32>(<u32>(end - at), MAX_MATCH);
    const enough = min(optimalNice, most);
    const from = to;
    to = findMatches(at, window, most, enough, optimalDepth, from);
    // So that one match will do for each position left.
    if (to > from + 4 && MATCHES_END - to < (end - at + MAX_MATCHES) << 2) {
      store<u32>(from, load<u32>(to - 4));
      to = from + 4;
    }
    store<u8>(at, (to - from) >> 2, MATCH_COUNTS);
    at++;
    const length = to > from ? load<u32>(to - 4) >> 16 : 0;
    if (length >= enough) {
      const after = at - 1 + length;
      enterPositions(at, min(after, stop));
      at = after;
    }
  }
  matchesEnd = to;
}

/** Parses anew, by the prices of the blocks that the parse before was split into. */
export function parseOptimal(end: usize): void {
  priceAll(end);
  putChoices(end);
}

function priceAll(end: usize): void {
  store<u32>(end << 2, 0, PRICE_TO_END);
  let match = matchesEnd;
  let stop = end;
  // The list of blocks from its end.
  let last: Segment | null = null;
  while (last != firstSegment()) {
    let block = firstSegment();
    while (block.next != last) block = block.next!;
    buildPrices(block.histogram);
    match = priceBlock(stop - block.bytes, stop, match);
    stop -= block.bytes;
    last = block;
  }
}

/** Chooses a token for each position of a block; the choices lie at TOKENS, by position. */
function priceBlock(start: usize, stop: usize, match: usize): usize {
  for (let at = stop - 1; at >= start; at--) {
    let best =
      load<u32>((<usize>load<u8>(at)) << 2, INDEX_PRICES) + load<u32>((at + 1) << 2, PRICE_TO_END);
    let choice: u32 = 0;
    const count: usize = load<u8>(at, MATCH_COUNTS);
    if (count) {
      match -= count << 2;
      let length: u32 = 3;
      for (let i: usize = 0; i < count; i++) {
        const here = load<u32>(match + (i << 2));
        const distance = here & 0xffff;
        const distancePrice = load<u32>(distanceSlot(distance) << 2, DISTANCE_PRICES);
        for (const most = here >> 16; length <= most; length++) {
          const price =
            distancePrice +
            load<u32>(length << 2, INDEX_PRICES + (MATCH << 2)) +
            load<u32>((at + length) << 2, PRICE_TO_END);
          if (price <= best) {
            best = price;
            choice = (length << 16) | distance;
          }
        }
      }
    }
    store<u32>(at << 2, best, PRICE_TO_END);
    store<u32>((at - INPUT) << 2, choice, TOKENS);
  }
  return match;
}

/** Makes the choices tokens. In place: there is no more than one token per position. */
function putChoices(end: usize): void {
  openSegments();
  let token = TOKENS;
  let full = TOKENS + (SEGMENT_TOKENS << 2);
  let histogram = HISTOGRAMS;
  for (let at: usize = INPUT; at < end;) {
    if (token >= full) {
      histogram = nextSegment(token, at);
      full = token + (SEGMENT_TOKENS << 2);
    }
    const choice = load<u32>((at - INPUT) << 2, TOKENS);
    if (choice) {
      putMatch(token, histogram, choice);
      at += choice >> 16;
    } else {
      putLiteral(token, histogram, at);
      at++;
    }
    token += 4;
  }
  closeSegments(token, end);
}

/** What each symbol takes if coded ideally; one that did not occur, as if it did half a time. */
function buildPrices(histogram: usize): void {
  const all = log2(sumOf(histogram, DISTANCE_SYMBOLS));
  for (let symbol: u32 = 0; symbol < 256; symbol++) {
    store<u32>(symbol << 2, priceOf(histogram, symbol, all), INDEX_PRICES);
  }
  for (let length: u32 = 3; length <= 258; length++) {
    const slot: u32 = load<u8>(length, LENGTH_SLOT);
    const extra: u32 = load<u8>(slot, LENGTH_EXTRA);
    store<u32>(
      (MATCH + length) << 2,
      priceOf(histogram, 257 + slot, all) + (extra << 11),
      INDEX_PRICES,
    );
  }
  const distances = histogram + (DISTANCE_SYMBOLS << 2);
  const allDistances = log2(max(sumOf(distances, 30), 1));
  for (let slot: u32 = 0; slot < 30; slot++) {
    const extra: u32 = load<u8>(slot, DISTANCE_EXTRA);
    store<u32>(slot << 2, priceOf(distances, slot, allDistances) + (extra << 11), DISTANCE_PRICES);
  }
}

function sumOf(histogram: usize, count: usize): u32 {
  let sum: u32 = 0;
  for (let i: usize = 0; i < count; i++) sum += load<u32>(histogram + (i << 2));
  return sum;
}

// @ts-ignore: decorator
@inline
function priceOf(histogram: usize, symbol: u32, all: u32): u32 {
  const frequency = load<u32>(histogram + (symbol << 2));
  return frequency ? all - log2(frequency) : all + 2048;
}
