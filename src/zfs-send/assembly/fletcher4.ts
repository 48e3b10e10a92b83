// Fletcher-4, OpenZFS, module/zcommon/zfs_fletcher.c: four running sums of words of 32 bits, each
// of the one before.

import { sums } from './index';

/** Adds the little-endian words from `at` to `end`. */
export function sumWords(at: usize, end: usize): void {
  let a = load<u64>(sums, 0);
  let b = load<u64>(sums, 8);
  let c = load<u64>(sums, 16);
  let d = load<u64>(sums, 24);
  for (; at + 16 <= end; at += 16) {
    d += c += b += a += load<u32>(at, 0);
    d += c += b += a += load<u32>(at, 4);
    d += c += b += a += load<u32>(at, 8);
    d += c += b += a += load<u32>(at, 12);
  }
  for (; at < end; at += 4) d += c += b += a += load<u32>(at);
  store<u64>(sums, a, 0);
  store<u64>(sums, b, 8);
  store<u64>(sums, c, 16);
  store<u64>(sums, d, 24);
}

/** Adds big-endian words. */
export function sumSwappedWords(at: usize, end: usize): void {
  let a = load<u64>(sums, 0);
  let b = load<u64>(sums, 8);
  let c = load<u64>(sums, 16);
  let d = load<u64>(sums, 24);
  for (; at < end; at += 4) d += c += b += a += bswap(load<u32>(at));
  store<u64>(sums, a, 0);
  store<u64>(sums, b, 8);
  store<u64>(sums, c, 16);
  store<u64>(sums, d, 24);
}
