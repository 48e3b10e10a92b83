import { expect, test } from 'vitest';
import { compressionName, featureNames } from '../../../formats/zfs-send/index.ts';

test('the compression of a block has the name that zfs get shows', () => {
  const names = Array.from({ length: 18 }, (_, number) => compressionName(number));
  const gzip = Array.from({ length: 9 }, (_, i) => `gzip-${i + 1}`);
  const after = ['zle', 'lz4', 'zstd', undefined];
  expect(names).toEqual(['off', undefined, 'off', 'lzjb', 'empty', ...gzip, ...after]);
});

test('the features of a stream have names, and unknown ones the number of their bit', () => {
  expect(featureNames(0n)).toEqual([]);
  expect(featureNames((1n << 17n) | (1n << 22n) | (1n << 40n))).toEqual([
    'lz4',
    'compressed',
    'unknown (bit 40)',
  ]);
});
