// Turns the input into tokens: literals and matches (RFC 1951, section 3.2.3), greedily or lazily.

import { HISTOGRAMS, INPUT, SEGMENT_TOKENS, TOKENS } from './layout';
import { depth, lookahead, nice } from './levels';
import { enterPositions, findMatch, forgetPositions, hasMatch, MAX_MATCH } from './match';
import { closeSegments, nextSegment, openSegments } from './split';
import { putLiteral, putMatch } from './tokens';

// Input that is compressed already, or noise: a segment whose matches replace no more than so many
// bytes. What follows is only probed for matches, for up to so many segments before one is searched
// again.
const QUIET_BYTES: usize = 8;
const QUIET_SEGMENT: usize = 4096;
const QUIET_RUN: u32 = 3;

// @ts-ignore: decorator
@inline
function bitLength(n: u32): i32 {
  return 31 - clz(n);
}

/**
 * How many earlier positions are compared for a match that is better than one of `length` at hand,
 * `tried` positions after it: the longer that is, the less a better one gains.
 */
// @ts-ignore: decorator
@inline
function depthAfter(most: u32, tried: u32, length: u32): u32 {
  const halvings = 1 + tried + u32(length >= 6) + u32(length >= 10) + u32(length >= 24);
  return max<u32>(most >> halvings, 2);
}

/** Tokenizes the input up to `end`. */
export function parse(end: usize, window: usize): void {
  forgetPositions();
  openSegments();
  const niceLength = nice;
  const maxDepth = depth;
  const tries = lookahead;
  // Only positions that fit 16 bits and have 4 bytes of input are entered.
  const stop = min<usize>(end - 3, 0x10000);
  let token = TOKENS;
  let full = TOKENS + (SEGMENT_TOKENS << 2);
  let histogram = HISTOGRAMS;
  let at: usize = INPUT;
  let segmentAt = at;
  let quiet: u32 = 0;
  let quietRun: u32 = 0;
  while (at < stop) {
    if (token >= full) {
      const few = at - segmentAt <= SEGMENT_TOKENS + QUIET_BYTES;
      histogram = nextSegment(token, at);
      full = token + (SEGMENT_TOKENS << 2);
      segmentAt = at;
      if (quiet) quiet--;
      else quiet = quietRun = few ? min<u32>(quietRun * 2 + 1, QUIET_RUN) : 0;
      if (quiet) {
        at = parseQuiet(at, stop, window, token, histogram);
        if (at - segmentAt < QUIET_SEGMENT) quiet = 0;
        token += (at - segmentAt) << 2;
        continue;
      }
    }
    let most = min<u32>(<u32>(end - at), MAX_MATCH);
    let match = findMatch(at, window, 2, most, min(niceLength, most), maxDepth);
    at++;
    if (!match) {
      putLiteral(token, histogram, at - 1);
      token += 4;
      continue;
    }
    // `match` stands at `at - 1`: see whether the next position has a better one.
    let tried: u32 = 0;
    let length = match >> 16;
    while (length < niceLength && at < stop && tried < tries) {
      most = min<u32>(<u32>(end - at), MAX_MATCH);
      const next = findMatch(
        at,
        window,
        length - 1,
        most,
        min(niceLength, most),
        depthAfter(maxDepth, tried, length),
      );
      at++;
      tried++;
      if (next) {
        const nextLength = next >> 16;
        const gain =
          4 * (<i32>nextLength - <i32>length) +
          bitLength(match & 0xffff) -
          bitLength(next & 0xffff);
        if (gain > (tried == 1 ? 2 : 6)) {
          putLiteral(token, histogram, at - 1 - tried);
          token += 4;
          if (tried == 2) {
            putLiteral(token, histogram, at - 2);
            token += 4;
          }
          match = next;
          length = nextLength;
          tried = 0;
        }
      }
    }
    putMatch(token, histogram, match);
    token += 4;
    // `at - 1 - tried` is where the match starts.
    const after = at - 1 - tried + length;
    enterPositions(at, min(after, stop));
    at = after;
  }
  for (; at < end; at++) {
    putLiteral(token, histogram, at);
    token += 4;
  }
  closeSegments(token, end);
}

/**
 * Takes a segment of input for literals, as long as none of every eighth position has a match;
 * returns where it ends.
 */
function parseQuiet(at: usize, stop: usize, window: usize, token: usize, histogram: usize): usize {
  const end = at + QUIET_SEGMENT;
  while (at < end && at + 8 <= stop && !hasMatch(at, window)) {
    enterPositions(at, at + 8);
    for (let i: usize = 0; i < 8; i++) {
      putLiteral(token, histogram, at);
      token += 4;
      at++;
    }
  }
  return at;
}
