// Writes one block in the cheapest of its three forms (RFC 1951, section 3.2.3).

import { alignToByte, outputAt, pending, pendingCount, putBits, putBytes, setBits } from './bits';
import { buildCodes, buildLengths } from './huffman';
import {
  CODE_LENGTHS,
  CODES,
  DISTANCE_BASE,
  DISTANCE_EXTRA,
  DISTANCE_SYMBOLS,
  HISTOGRAM_SYMBOLS,
  LENGTH_BASE,
  INDEX_CODES,
  LENGTH_EXTRA,
  LENGTH_SLOT,
  MATCH,
  PRECODE_CODES,
  PRECODE_FREQUENCIES,
  PRECODE_ITEMS,
  PRECODE_LENGTHS,
  PRECODE_ORDER,
  STATIC_CODE_LENGTHS,
} from './layout';
import { Segment } from './split';
import { distanceSlot } from './tables';

// BTYPE, section 3.2.3.
const STORED: u32 = 0;
const STATIC: u32 = 1;
const DYNAMIC: u32 = 2;

const END_OF_BLOCK: u32 = 256;
/** Most bytes in a stored block, section 3.2.4: a 16-bit count. */
const MAX_STORED: u32 = 65_535;

/** Writes a block that stands for the input at `input`. */
export function putBlock(block: Segment, last: bool, input: usize): void {
  const histogram = block.histogram;
  buildLengths(histogram, DISTANCE_SYMBOLS, 15, CODE_LENGTHS);
  buildLengths(histogram + (DISTANCE_SYMBOLS << 2), 32, 15, CODE_LENGTHS + DISTANCE_SYMBOLS);
  const header = planHeader();
  const dynamicBits = header + block.extra + codeBits(histogram, CODE_LENGTHS);
  const staticBits = block.extra + codeBits(histogram, STATIC_CODE_LENGTHS);
  const storedBits = storedSize(block.bytes);
  if (storedBits <= min(dynamicBits, staticBits)) {
    putStored(last, input, block.bytes);
  } else if (staticBits <= dynamicBits) {
    putBits((STATIC << 1) | u32(last), 3);
    memory.copy(CODE_LENGTHS, STATIC_CODE_LENGTHS, HISTOGRAM_SYMBOLS);
    putTokens(block.token, block.tokenEnd);
  } else {
    putBits((DYNAMIC << 1) | u32(last), 3);
    putHeader();
    putTokens(block.token, block.tokenEnd);
  }
}

/**
 * Bits of a stored block behind its type: up to the next byte, two counts of 16 bits and the bytes;
 * a whole block more where one cannot hold them.
 */
function storedSize(bytes: u32): u32 {
  const pieces = (bytes + MAX_STORED - 1) / MAX_STORED;
  const padding = (8 - ((pendingCount + 3) & 7)) & 7;
  return padding + 32 + (pieces - 1) * 40 + 8 * bytes;
}

/** An empty stored block, which ends at a byte, and the shortest of all last blocks. */
export function putEnd(): void {
  putStored(false, 0, 0);
  putBits((STATIC << 1) | 1, 3);
  putBits(0, 7); // END_OF_BLOCK, section 3.2.6
}

/** Section 3.2.4. */
export function putStored(last: bool, input: usize, bytes: u32): void {
  do {
    const piece = min(bytes, MAX_STORED);
    bytes -= piece;
    putBits((STORED << 1) | u32(last && !bytes), 3);
    alignToByte();
    putBits(piece | ((piece ^ 0xffff) << 16), 32);
    putBytes(input, piece);
    input += piece;
  } while (bytes);
}

function codeBits(histogram: usize, lengths: usize): u32 {
  let bits: u32 = 0;
  for (let symbol: usize = 0; symbol < HISTOGRAM_SYMBOLS; symbol++) {
    bits += load<u32>(histogram + (symbol << 2)) * load<u8>(lengths + symbol);
  }
  return bits;
}

// The header of section 3.2.7, planned before it is written: its size decides.
let literalCodes: u32 = 0;
let distanceCodes: u32 = 0;
let precodeCodes: u32 = 0;
let itemCount: u32 = 0;

/** Returns the size of the header in bits. */
function planHeader(): u32 {
  literalCodes = 286;
  while (literalCodes > 257 && !load<u8>(literalCodes - 1, CODE_LENGTHS)) literalCodes--;
  distanceCodes = 30;
  while (distanceCodes > 1 && !load<u8>(distanceCodes - 1, CODE_LENGTHS + DISTANCE_SYMBOLS))
    distanceCodes--;
  planItems();
  buildLengths(PRECODE_FREQUENCIES, 19, 7, PRECODE_LENGTHS);
  precodeCodes = 19;
  while (precodeCodes > 4 && !load<u8>(load<u8>(precodeCodes - 1, PRECODE_ORDER), PRECODE_LENGTHS))
    precodeCodes--;
  let bits: u32 = 5 + 5 + 4 + 3 * precodeCodes;
  for (let symbol: u32 = 0; symbol < 19; symbol++) {
    bits +=
      load<u32>(symbol << 2, PRECODE_FREQUENCIES) *
      (<u32>load<u8>(symbol, PRECODE_LENGTHS) + itemExtra(symbol));
  }
  return bits;
}

// @ts-ignore: decorator
@inline
function itemExtra(symbol: u32): u32 {
  return symbol < 16 ? 0 : symbol == 16 ? 2 : symbol == 17 ? 3 : 7;
}

/** The code lengths of both alphabets, one after the other, run-length coded. */
function planItems(): void {
  memory.fill(PRECODE_FREQUENCIES, 0, 19 * 4);
  itemCount = 0;
  const total = literalCodes + distanceCodes;
  let i: u32 = 0;
  while (i < total) {
    const length = lengthAt(i);
    let run: u32 = 1;
    while (i + run < total && lengthAt(i + run) == length) run++;
    i += run;
    if (!length) {
      while (run >= 11) {
        const here = min<u32>(run, 138);
        putItem(18, here - 11);
        run -= here;
      }
      if (run >= 3) {
        putItem(17, run - 3);
        run = 0;
      }
    } else if (run >= 4) {
      putItem(length, 0);
      run--;
      while (run >= 3) {
        const here = min<u32>(run, 6);
        putItem(16, here - 3);
        run -= here;
      }
    }
    for (; run; run--) putItem(length, 0);
  }
}

// @ts-ignore: decorator
@inline
function lengthAt(i: u32): u32 {
  return i < literalCodes
    ? <u32>load<u8>(i, CODE_LENGTHS)
    : <u32>load<u8>(i - literalCodes, CODE_LENGTHS + DISTANCE_SYMBOLS);
}

function putItem(symbol: u32, extra: u32): void {
  store<u16>(itemCount << 1, (extra << 8) | symbol, PRECODE_ITEMS);
  itemCount++;
  const place = symbol << 2;
  store<u32>(place, load<u32>(place, PRECODE_FREQUENCIES) + 1, PRECODE_FREQUENCIES);
}

function putHeader(): void {
  putBits(literalCodes - 257, 5);
  putBits(distanceCodes - 1, 5);
  putBits(precodeCodes - 4, 4);
  for (let i: u32 = 0; i < precodeCodes; i++) {
    putBits(load<u8>(load<u8>(i, PRECODE_ORDER), PRECODE_LENGTHS), 3);
  }
  buildCodes(PRECODE_LENGTHS, 19, PRECODE_CODES);
  for (let i: u32 = 0; i < itemCount; i++) {
    const item: u32 = load<u16>(i << 1, PRECODE_ITEMS);
    const symbol = item & 0xff;
    const code = load<u32>(symbol << 2, PRECODE_CODES);
    const count = code >> 24;
    putBits((code & 0xffff) | ((item >> 8) << count), count + itemExtra(symbol));
  }
}

/** The tokens by the code whose lengths are at CODE_LENGTHS, and the end of the block. */
function putTokens(at: usize, end: usize): void {
  buildCodes(CODE_LENGTHS, DISTANCE_SYMBOLS, CODES);
  buildCodes(CODE_LENGTHS + DISTANCE_SYMBOLS, 30, CODES + (DISTANCE_SYMBOLS << 2));
  store<u32>(31 << 2, 0, CODES + (DISTANCE_SYMBOLS << 2));
  buildIndexCodes();
  let bits = pending;
  let count = pendingCount;
  let to = outputAt;
  // Literals and matches alike, since which comes next is hard to foresee. At most 7 bits wait and
  // a token adds 15 + 5 + 15 + 13.
  for (; at < end; at += 4) {
    const token = load<u32>(at);
    const index = load<u32>((token >> 16) << 2, INDEX_CODES);
    const distance = token & 0xffff;
    const slot = distanceSlot(distance);
    const code = load<u32>(slot << 2, CODES + (DISTANCE_SYMBOLS << 2));
    bits |= (<u64>(index & 0xff_ffff)) << count;
    count += index >> 24;
    bits |= (<u64>(code & 0xff_ffff)) << count;
    count += code >> 24;
    bits |= (<u64>(distance - load<u32>(slot << 2, DISTANCE_BASE))) << count;
    count += load<u8>(slot, DISTANCE_EXTRA);
    store<u64>(to, bits);
    to += count >> 3;
    bits >>= count & 0x38;
    count &= 7;
  }
  setBits(bits, count, to);
  const code = load<u32>(END_OF_BLOCK << 2, CODES);
  putBits(code & 0xff_ffff, code >> 24);
}

/** Copies the literals' codes and joins each length's with its extra bits. */
function buildIndexCodes(): void {
  memory.copy(INDEX_CODES, CODES, 256 << 2);
  for (let length: u32 = 3; length <= 258; length++) {
    const slot: u32 = load<u8>(length, LENGTH_SLOT);
    const code = load<u32>((257 + slot) << 2, CODES);
    const bits = code >> 24;
    const extra = length - load<u16>(slot << 1, LENGTH_BASE);
    const total = bits + load<u8>(slot, LENGTH_EXTRA);
    store<u32>(
      (MATCH + length) << 2,
      (total << 24) | (code & 0xff_ffff) | (extra << bits),
      INDEX_CODES,
    );
  }
}
