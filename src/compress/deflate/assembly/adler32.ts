// The checksum of RFC 1950, section 8.2: `a` is 1 + the sum of all bytes, `b` the sum of all values
// of `a`.

import { across } from './lanes';

const PRIME: u32 = 65_521;
// So many bytes can be added up before 32 bits run over; zlib calls it NMAX, here a multiple of 16.
const RUN: u32 = 5552;

/** Adler-32 of the bytes from `at` to `end`. */
export function adler32(at: usize, end: usize): u32 {
  let a: u32 = 1;
  let b: u32 = 0;
  const first = i16x8(16, 15, 14, 13, 12, 11, 10, 9);
  const second = i16x8(8, 7, 6, 5, 4, 3, 2, 1);
  while (end - at >= 16) {
    const stop = at + (min<usize>(end - at, RUN) & ~15);
    b += a * <u32>(stop - at);
    let sums = i32x4.splat(0); // of all bytes
    let before = i32x4.splat(0); // of `sums` as it was before each 16 bytes
    let weighted = i32x4.splat(0); // of bytes times how often each counts within its 16
    for (; at < stop; at += 16) {
      const bytes = v128.load(at);
      before = i32x4.add(before, sums);
      sums = i32x4.add(sums, i32x4.extadd_pairwise_i16x8_u(i16x8.extadd_pairwise_i8x16_u(bytes)));
      const low = i32x4.dot_i16x8_s(i16x8.extend_low_i8x16_u(bytes), first);
      const high = i32x4.dot_i16x8_s(i16x8.extend_high_i8x16_u(bytes), second);
      weighted = i32x4.add(weighted, i32x4.add(low, high));
    }
    a = (a + across(sums)) % PRIME;
    b = ((b % PRIME) + ((across(before) << 4) % PRIME) + (across(weighted) % PRIME)) % PRIME;
  }
  for (; at < end; at++) {
    a += load<u8>(at);
    b += a;
  }
  return ((b % PRIME) << 16) | (a % PRIME);
}
