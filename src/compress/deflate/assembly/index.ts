// The module's exports: compresses one input into a zlib stream (RFC 1950) of raw deflate (RFC
// 1951).

import { adler32 } from './adler32';
import { alignToByte, openBits, outputAt, putBits } from './bits';
import { putBlock, putEnd, putStored } from './block';
import { parseFast } from './fast';
import { INPUT, MAX_INPUT, OUTPUT } from './layout';
import { fast, passes, setLevel } from './levels';
import { noteMatches, parseOptimal } from './optimal';
import { isNoise } from './noise';
import { parse } from './parse';
import { firstSegment, Segment, splitTokens } from './split';
import { buildTables } from './tables';

/** Where the caller puts the input and finds the output. */
export const input: usize = INPUT;
export const output: usize = OUTPUT;
export const maxInput: usize = MAX_INPUT;

// Shorter input is stored.
const MIN_PARSED: usize = 8;
// The header of RFC 1950 and two stored blocks.
const STORED_SLACK: usize = 2 + 2 * 5;

let window: usize = 0;
let header: u32 = 0;
let isJoinable: bool = false;

/** Sets the window, the level and the end; once, before the first `compress`. */
export function configure(windowBits: u32, level: u32, joinable: bool): void {
  buildTables();
  setLevel(level);
  isJoinable = joinable;
  window = (<usize>1) << windowBits;
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
  begin();
  const isParsed = length >= MIN_PARSED && !isNoise(end);
  if (isParsed) putBlocks(end);
  // Blocks that are stored one by one may add up to more than one stored as a whole.
  if (!isParsed || outputAt - OUTPUT > length + STORED_SLACK) {
    begin();
    putStored(!isJoinable, INPUT, <u32>length);
  }
  if (isJoinable) putEnd();
  alignToByte();
  putBits(bswap(adler32(INPUT, end)), 32);
  return outputAt - OUTPUT;
}

function begin(): void {
  openBits(OUTPUT);
  putBits(header, 16);
}

function putBlocks(end: usize): void {
  if (fast) parseFast(end, window);
  else parse(end, window);
  splitTokens();
  if (passes) noteMatches(end, window);
  for (let pass: u32 = 0; pass < passes; pass++) {
    parseOptimal(end);
    splitTokens();
  }
  let from: usize = INPUT;
  for (let block: Segment | null = firstSegment(); block; block = block.next) {
    putBlock(block, !block.next && !isJoinable, from);
    from += block.bytes;
  }
}
