// The module's exports: compresses one input into a zlib stream (RFC 1950) of raw deflate (RFC 1951).

import { adler32 } from './adler32';
import { alignToByte, openBits, outputAt, putBits } from './bits';
import { putBlock, putStored } from './block';
import { INPUT, MAX_INPUT, OUTPUT, SEGMENT } from './layout';
import { noteMatches, parseOptimal, passes, tuneOptimal } from './optimal';
import { parseLazy, tune as tuneLazy } from './parse';
import { Segment, splitTokens, tokensEnd } from './split';
import { buildTables } from './tables';

export function tune(d: u32, n: u32, l: u32, p: u32, od: u32, on: u32): void { tuneLazy(d, n, l); tuneOptimal(p, od, on); }

/** Where the caller puts the input and finds the output. */
export const input: usize = INPUT;
export const output: usize = OUTPUT;
export const maxInput: usize = MAX_INPUT;

let window: usize = 0;
let header: u32 = 0;

/** Sets the window and the level; once, before the first `compress`. */
export function configure(windowBits: u32, level: u32): void {
  buildTables();
  window = <usize>1 << windowBits;
  // RFC 1950, section 2.2: CINFO and CM, then FLEVEL and a check that makes it a multiple of 31.
  const cmf = ((windowBits - 8) << 4) | 8;
  const flevel: u32 = level < 2 ? 0 : level < 6 ? 1 : level == 6 ? 2 : 3;
  const flags = flevel << 6;
  header = cmf | ((flags | (31 - (((cmf << 8) | flags) % 31))) << 8);
}

/** Compresses the first `length` bytes of the input; returns the length of the output. */
export function compress(length: usize): usize {
  const end = INPUT + length;
  memory.fill(end, 0, 16);
  openBits(OUTPUT);
  putBits(header, 16);
  if (length < 8) putStored(true, INPUT, <u32>length);
  else putBlocks(end);
  alignToByte();
  putBits(bswap(adler32(INPUT, end)), 32);
  return outputAt - OUTPUT;
}

function putBlocks(end: usize): void {
  parseLazy(end, window);
  splitTokens();
  if (passes) {
    noteMatches(end, window);
    for (let i: u32 = 0; i < passes; i++) {
      parseOptimal(end);
      splitTokens();
    }
  }
  let from: usize = INPUT;
  for (let at = SEGMENT; at;) {
    const segment = changetype<Segment>(at);
    putBlock(!segment.next, from, segment.bytes, segment.token, tokensEnd(at), segment.histogram, segment.extra);
    from += segment.bytes;
    at = segment.next;
  }
}
