// The tables of RFC 1951 and a table of logarithms, computed once per instance.

import {
  DISTANCE_BASE,
  DISTANCE_EXTRA,
  DISTANCE_SLOT,
  DISTANCE_SYMBOLS,
  LENGTH_BASE,
  LENGTH_EXTRA,
  LENGTH_SLOT,
  LOG2,
  N_LOG2,
  PRECODE_ORDER,
  STATIC_CODE_LENGTHS,
} from './layout';

/** What stands for the distance of a literal among distance codes. */
const NO_DISTANCE: u32 = 31;

/** Fills in all of them. */
export function buildTables(): void {
  buildLengths();
  buildDistances();
  buildStaticCode();
  buildPrecodeOrder();
  buildLog2();
}

/** The distance code of `distance` (RFC 1951, section 3.2.5). */
// @ts-ignore: decorator
@inline
export function distanceSlot(distance: u32): u32 {
  return load<u8>(distance, DISTANCE_SLOT);
}

/** Log2 of `n` (1 to 65,536) in units of 1/2048 bit, rounded down. */
// @ts-ignore: decorator
@inline
export function log2(n: u32): u32 {
  return n < 4096 ? <u32>load<u16>(n << 1, LOG2) : <u32>load<u16>((n >> 5) << 1, LOG2) + 5 * 2048;
}

// RFC 1951, section 3.2.5: codes 257 to 264 are one length each, then groups of four codes get an
// extra bit each; 285 is length 258 alone.
function buildLengths(): void {
  let length: u32 = 3;
  for (let slot: u32 = 0; slot < 28; slot++) {
    const extra: u32 = slot < 8 ? 0 : (slot >> 2) - 1;
    store<u8>(slot, extra, LENGTH_EXTRA);
    store<u16>(slot << 1, length, LENGTH_BASE);
    for (let i: u32 = 0; i < (<u32>1) << extra; i++) store<u8>(length + i, slot, LENGTH_SLOT);
    length += 1 << extra;
  }
  store<u16>(28 << 1, 258, LENGTH_BASE);
  store<u8>(28, 0, LENGTH_EXTRA);
  store<u8>(258, 28, LENGTH_SLOT);
}

// RFC 1951, section 3.2.5: codes 0 to 3 are one distance each, then pairs of codes get an extra bit
// each.
function buildDistances(): void {
  let distance: u32 = 1;
  for (let slot: u32 = 0; slot < 30; slot++) {
    const extra: u32 = slot < 4 ? 0 : (slot >> 1) - 1;
    store<u8>(slot, extra, DISTANCE_EXTRA);
    store<u32>(slot << 2, distance, DISTANCE_BASE);
    const next = distance + (1 << extra);
    for (; distance < next; distance++) store<u8>(distance, slot, DISTANCE_SLOT);
  }
  store<u8>(0, NO_DISTANCE, DISTANCE_SLOT);
  store<u32>(NO_DISTANCE << 2, 0, DISTANCE_BASE);
  store<u8>(NO_DISTANCE, 0, DISTANCE_EXTRA);
}

// RFC 1951, section 3.2.6.
function buildStaticCode(): void {
  for (let symbol: u32 = 0; symbol < 288; symbol++) {
    const length: u8 = symbol < 144 ? 8 : symbol < 256 ? 9 : symbol < 280 ? 7 : 8;
    store<u8>(symbol, length, STATIC_CODE_LENGTHS);
  }
  for (let slot: u32 = 0; slot < 30; slot++) {
    store<u8>(slot, 5, STATIC_CODE_LENGTHS + DISTANCE_SYMBOLS);
  }
}

// RFC 1951, section 3.2.7: 16 17 18 0 8 7 9 6 10 5 11 4 12 3 13 2 14 1 15.
function buildPrecodeOrder(): void {
  for (let i: u32 = 0; i < 3; i++) store<u8>(i, 16 + i, PRECODE_ORDER);
  store<u8>(3, 0, PRECODE_ORDER);
  store<u8>(4, 8, PRECODE_ORDER);
  for (let i: u32 = 1; i < 8; i++) {
    store<u8>(3 + 2 * i, 8 - i, PRECODE_ORDER);
    store<u8>(4 + 2 * i, 8 + i, PRECODE_ORDER);
  }
}

// Digit by digit: squaring a number in [1, 2) shows the next bit of its logarithm. No floating
// point, so that every machine splits blocks alike.
function buildLog2(): void {
  for (let n: u32 = 1; n < 4096; n++) {
    const whole: u32 = 31 - clz(n);
    let mantissa: u64 = ((<u64>n) << 30) >> whole;
    let log: u32 = whole;
    for (let bit = 0; bit < 11; bit++) {
      mantissa = (mantissa * mantissa) >> 30;
      log <<= 1;
      if (mantissa >= (<u64>2) << 30) {
        log |= 1;
        mantissa >>= 1;
      }
    }
    store<u16>(n << 1, log, LOG2);
    store<u32>(n << 2, n * log, N_LOG2);
  }
}
