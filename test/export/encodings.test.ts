import { expect, test } from 'vitest';
import { qcow2, vmdk } from '../../formats/index.ts';
import { chooseEncodings } from '../../src/export/encodings.ts';

test('zstd leaves zlib to the formats beside it, at the default or highest level of zlib', () => {
  const choose = (level?: number) =>
    chooseEncodings([qcow2(), vmdk()], { compression: 'zstd', level }).distinct;
  const zlib = { kind: 'zlib', windowBits: 15 };
  expect(choose()).toEqual([
    { kind: 'zstd', level: 3 },
    { ...zlib, level: 6 },
  ]);
  expect(choose(2)).toEqual([
    { kind: 'zstd', level: 2 },
    { ...zlib, level: 2 },
  ]);
  expect(choose(19)).toEqual([
    { kind: 'zstd', level: 19 },
    { ...zlib, level: 9 },
  ]);
});
