// The fastest parse: the latest position whose 4 bytes hash alike, or none. No chains, no hash of 3
// bytes.

import { HISTOGRAMS, INPUT, SEGMENT_TOKENS, TOKENS } from './layout';
import { exchangeLatest, extend, forgetPositions, MAX_MATCH } from './match';
import { closeSegments, nextSegment, openSegments } from './split';
import { putLiteral, putMatch } from './tokens';

// Larger segments than those of other levels: to compare and merge them takes a sixth of the time.
const FAST_SEGMENT_TOKENS: usize = 2 * SEGMENT_TOKENS;

// After 64 literals in a row every second position is looked at, after 128 every third, up to every
// eighth.
const PATIENCE_BITS: u32 = 6;
const MAX_SKIP: u32 = 7;

/** Tokenizes the input up to `end`. */
export function parseFast(end: usize, window: usize): void {
  forgetPositions();
  openSegments();
  // Only positions that fit 16 bits and have 4 bytes of input are entered.
  const stop = min<usize>(end - 3, 0x10000);
  let token = TOKENS;
  let full = TOKENS + (FAST_SEGMENT_TOKENS << 2);
  let histogram = HISTOGRAMS;
  let misses: u32 = 0;
  let at: usize = INPUT;
  while (at < stop) {
    if (token >= full) {
      histogram = nextSegment(token, at);
      full = token + (FAST_SEGMENT_TOKENS << 2);
    }
    const bytes = load<u32>(at);
    const candidate = exchangeLatest(at, bytes);
    const oldest = at > window ? at - window : 1;
    if (candidate >= oldest && load<u32>(candidate) == bytes) {
      const length = extend(at, candidate, 4, min<u32>(<u32>(end - at), MAX_MATCH));
      putMatch(token, histogram, (length << 16) | (<u32>(at - candidate)));
      token += 4;
      if (at + 1 < stop) exchangeLatest(at + 1, load<u32>(at + 1));
      at += length;
      if (at - 1 < stop) exchangeLatest(at - 1, load<u32>(at - 1));
      misses = 0;
    } else {
      const next = min(at + 1 + min(misses >> PATIENCE_BITS, MAX_SKIP), stop);
      misses += <u32>(next - at);
      for (; at < next; at++) {
        putLiteral(token, histogram, at);
        token += 4;
      }
    }
  }
  for (; at < end; at++) {
    putLiteral(token, histogram, at);
    token += 4;
  }
  closeSegments(token, end);
}
