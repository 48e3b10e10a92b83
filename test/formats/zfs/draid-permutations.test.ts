import { expect, test } from 'vitest';
import { draidPermutations, permutationCount } from '../../../formats/zfs/draid-permutations.ts';

/** Checksums of maps, as OpenZFS has them in its table: the sum of their words of 32 bits. */
const SUMS: readonly (readonly [deviceCount: number, sum: number])[] = [
  [2, 0x433d433d],
  [3, 0xbcd8b7b5],
  [4, 0x1819d7c69],
  [5, 0x2a1648d74],
  [11, 0xdd691358c],
  [31, 0x7370e7778f],
  [32, 0xf7eb08a156],
  [64, 0x3fad6c355e1],
  [248, 0x3c24142a5a3f],
];

test.each(SUMS)('the permutations of %i devices are those of OpenZFS', (deviceCount, sum) => {
  const all = draidPermutations(deviceCount);
  expect(all).toHaveLength(permutationCount(deviceCount) * deviceCount);
  const view = new DataView(all.buffer);
  let found = 0;
  for (let at = 0; at < all.length; at += 4) found += view.getUint32(at, true);
  expect(found).toBe(sum);
});
