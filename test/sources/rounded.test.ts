import { statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { BLOCK_SIZE } from '../../formats/index.ts';
import { roundedSource } from '../../src/sources/rounded.ts';
import { denseSource, isPadded, path, plainDisk, round, roundedPath, WAYS } from './rounding.ts';

const MIB = 2 ** 20;

test('a disk that has the size already keeps its source', () => {
  plainDisk(2 * MIB);
  const source = denseSource(path);
  expect(roundedSource(source, MIB)).toBe(source);
  expect(roundedSource(source, 512)).toBe(source);
});

test('a source that does not know its size is returned as it is', () => {
  const source = { ...denseSource(path), size: undefined };
  expect(roundedSource(source, MIB)).toBe(source);
});

describe.each(WAYS)('a disk without a GPT, $way,', (way) => {
  test.each([512, 1000, BLOCK_SIZE, 3 * MIB + 512, 3 * MIB + BLOCK_SIZE])(
    'of %i bytes gets zeros at its end',
    async (size) => {
      plainDisk(size);
      expect(await round(MIB, way)).toEqual([]);
      expect(statSync(roundedPath).size).toBe(Math.ceil(size / MIB) * MIB);
      expect(isPadded()).toBe(true);
    },
  );
});
