// Turns the input into tokens: literals and matches (RFC 1951, section 3.2.3).

import { INPUT, TOKENS } from './layout';
import { enterPositions, findMatch, forgetPositions, MAX_MATCH } from './match';

export let depth: u32 = 35;
export let nice: u32 = 65;
export let lazy: u32 = 1;

export function tune(d: u32, n: u32, l: u32): void {
  depth = d;
  nice = n;
  lazy = l;
}

// @ts-ignore: decorator
@inline
function bitLength(n: u32): i32 {
  return 31 - clz(n);
}

/** Tokenizes the input up to `end`; returns the address behind the last token. */
export function parseLazy(end: usize, window: usize): usize {
  forgetPositions();
  const niceLength = nice;
  const maxDepth = depth;
  const tries = lazy;
  // Only positions that fit 16 bits and have 4 bytes of input are entered.
  const stop = min<usize>(end - 3, 0x10000);
  let token = TOKENS;
  let at: usize = INPUT;
  while (at < stop) {
    let most = min<u32>(<u32>(end - at), MAX_MATCH);
    let match = findMatch(at, window, 2, most, min(niceLength, most), maxDepth);
    at++;
    if (match < 4 << 16 && (match & 0xffff) > 8192) match = 0;
    if (!match) {
      store<u32>(token, load<u8>(at - 1));
      token += 4;
      continue;
    }
    // `match` stands at `at - 1`: see whether the next position has a better one.
    let tried: u32 = 0;
    let length = match >> 16;
    while (length < niceLength && at < stop && tried < tries) {
      most = min<u32>(<u32>(end - at), MAX_MATCH);
      const next = findMatch(at, window, length - 1, most, min(niceLength, most), maxDepth >> (1 + tried));
      at++;
      tried++;
      if (next) {
        const nextLength = next >> 16;
        const gain =
          4 * (<i32>nextLength - <i32>length) + bitLength(match & 0xffff) - bitLength(next & 0xffff);
        if (gain > (tried == 1 ? 2 : 6)) {
          store<u32>(token, load<u8>(at - 1 - tried));
          token += 4;
          if (tried == 2) {
            store<u32>(token, load<u8>(at - 2));
            token += 4;
          }
          match = next;
          length = nextLength;
          tried = 0;
        }
      }
    }
    store<u32>(token, match);
    token += 4;
    // `at - 1 - tried` is where the match starts.
    const after = at - 1 - tried + length;
    enterPositions(at, min(after, stop));
    at = after;
  }
  for (; at < end; at++) {
    store<u32>(token, load<u8>(at));
    token += 4;
  }
  return token;
}
