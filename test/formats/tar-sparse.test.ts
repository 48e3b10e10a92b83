// Where the data of a sparse member lies, as GNU tar writes it.

import { describe, expect, test } from 'vitest';
import { sparseMap } from '../../formats/tar/sparse.ts';

const PAIRS_IN_BLOCK = 21;

type Pair = readonly [offset: number, length: number];

const octal = (value: number) => `${value.toString(8).padStart(11, '0')}\0`;
const pairsOf = (pairs: readonly Pair[]) => pairs.flat().map(octal).join('');

/** The header of a member, as far as its map is in it; only `extended` ones go on in a block. */
function headOf(size: number, pairs: readonly Pair[], isExtended = false): Buffer {
  const head = Buffer.alloc(512);
  head.write(pairsOf(pairs), 386);
  head[482] = isExtended ? 1 : 0;
  head.write(octal(size), 483);
  return head;
}

function blockOf(pairs: readonly Pair[], isExtended = false): Buffer {
  const block = Buffer.alloc(512);
  block.write(pairsOf(pairs));
  block[504] = isExtended ? 1 : 0;
  return block;
}

describe('the map of a sparse member', () => {
  test('goes on in blocks until one says that it is the last', () => {
    const map = sparseMap(headOf(9000, [[0, 512]], true));
    expect(map.isWhole()).toBe(false);
    map.addBlock(blockOf([[1024, 512]], true));
    map.addBlock(
      blockOf([
        [4096, 100],
        [9000, 0],
      ]),
    );
    expect(map.isWhole()).toBe(true);
    expect(map.size).toBe(9000);
    expect(map.extents).toEqual([
      { offset: 0, length: 512 },
      { offset: 1024, length: 512 },
      { offset: 4096, length: 100 },
    ]);
  });

  test.each<[string, readonly Pair[], string]>([
    ['past its end', [[8192, 1024]], 'a sparse member has 1024 bytes at 8192 of 9000'],
    [
      'that overlap',
      [
        [0, 512],
        [511, 1],
      ],
      'a sparse member has 1 bytes at 511 of 9000',
    ],
  ])('with data %s is damaged', (_, pairs, message) => {
    const wrong = { kind: 'damaged', message: `tar: ${message}` };
    expect(() => sparseMap(headOf(9000, pairs))).toThrow(expect.objectContaining(wrong));
    const map = sparseMap(headOf(9000, [], true));
    expect(() => map.addBlock(blockOf(pairs))).toThrow(expect.objectContaining(wrong));
  });

  test.each<[string, Buffer, string]>([
    ['that is no number', Buffer.from('9999999999x\0'), 'NaN'],
    ['less than nothing', Buffer.alloc(12, 0xff), 'Infinity'],
    ['of 2^60', Buffer.from('800000001000000000000000', 'hex'), '1152921504606847000'],
  ])('of a size %s is damaged', (_, field, found) => {
    const head = headOf(0, []);
    field.copy(head, 483);
    expect(() => sparseMap(head)).toThrow(
      expect.objectContaining({
        kind: 'damaged',
        message: `tar: a sparse member has ${found} bytes, which no disk has`,
      }),
    );
  });

  test('is refused if it goes on without end, and without data', () => {
    const map = sparseMap(headOf(9000, [], true));
    const block = blockOf([], true);
    const endless = () => {
      for (let i = 0; i <= 2 ** 20 / PAIRS_IN_BLOCK; i++) map.addBlock(block);
    };
    expect(endless).toThrow(
      expect.objectContaining({
        kind: 'unsupported',
        message: 'tar: a sparse member has more than 1048576 extents',
      }),
    );
  });
});
