import { describe, expect, test } from 'vitest';
import { FormatError } from '../../../formats/errors.ts';
import { decodeNvList } from '../../../formats/zfs/decode-nvlist.ts';
import {
  innerList as inner,
  packedList as packed,
  pair,
  words,
  xdrText as text,
} from '../../support/nvlist.ts';

describe('a name-value list', () => {
  test('has values of every type', () => {
    const list = decodeNvList(
      packed(
        pair('boolean', 1, 0, words()),
        pair('byte', 2, 1, words(0xfe)),
        pair('int16', 3, 1, words(-2)),
        pair('uint16', 4, 1, words(0xfffe)),
        pair('int32', 5, 1, words(-3)),
        pair('uint32', 6, 1, words(-1)),
        pair('int64', 7, 1, words(-1, -2)),
        pair('uint64', 8, 1, words(-1, -2)),
        pair('string', 9, 1, text('größe')),
        pair('bytes', 10, 3, words(0x01020300)),
        pair('int16s', 11, 2, words(2, -1, 2)),
        pair('uint16s', 12, 1, words(1, 0xffff)),
        pair('int32s', 13, 1, words(1, -9)),
        pair('uint32s', 14, 1, words(1, -1)),
        pair('int64s', 15, 1, words(1, -1, -1)),
        pair('uint64s', 16, 2, words(2, 0, 5, 1, 0)),
        pair('strings', 17, 2, Buffer.concat([text('a'), text('bcde')])),
        pair('hrtime', 18, 1, words(0, 7)),
        pair('list', 19, 1, inner(pair('deep', 1, 0, words()))),
        pair('lists', 20, 2, Buffer.concat([inner(), inner(pair('x', 9, 1, text('')))])),
        pair('false', 21, 1, words(0)),
        pair('int8', 22, 1, words(-128)),
        pair('uint8', 23, 1, words(200)),
        pair('booleans', 24, 2, words(2, 1, 0)),
        pair('int8s', 25, 1, words(1, -1)),
        pair('uint8s', 26, 1, words(1, 255)),
        pair('double', 27, 1, words(0x3ff80000, 0)),
      ),
    );
    expect(Object.fromEntries(list)).toEqual({
      boolean: true,
      byte: 0xfe,
      int16: -2,
      uint16: 0xfffe,
      int32: -3,
      uint32: 0xffffffff,
      int64: -2n,
      uint64: 0xfffffffffffffffen,
      string: 'größe',
      bytes: Uint8Array.of(1, 2, 3),
      int16s: [-1, 2],
      uint16s: [0xffff],
      int32s: [-9],
      uint32s: [0xffffffff],
      int64s: [-1n],
      uint64s: [5n, 0x1_0000_0000n],
      strings: ['a', 'bcde'],
      hrtime: 7n,
      list: new Map([['deep', true]]),
      lists: [new Map(), new Map([['x', '']])],
      false: false,
      int8: -128,
      uint8: 200,
      booleans: [true, false],
      int8s: [-1],
      uint8s: [255],
      double: 1.5,
    });
  });

  test('may be followed by anything, and be anywhere in a buffer', () => {
    const bytes = Buffer.concat([Buffer.alloc(3), packed(pair('a', 4, 1, words(1))), words(-1)]);
    expect(decodeNvList(bytes.subarray(3)).get('a')).toBe(1);
  });

  test.each<[why: string, bytes: Buffer, message: string]>([
    ['nothing', Buffer.alloc(0), 'ends 4 bytes too early'],
    ['the native encoding', Buffer.alloc(64), 'native encoding'],
    ['an unknown encoding', Buffer.alloc(64, 9), 'unknown encoding 9'],
    ['an unknown version', Buffer.concat([words(0x01010000, 7, 1)]), 'unknown version 7'],
    ['no end', packed(pair('a', 4, 1, words(1))).subarray(0, -8), 'too early'],
    ['a pair past the end', Buffer.concat([words(0x01010000, 0, 1, 4000, 8)]), '4000 bytes'],
    ['a pair too small for one', Buffer.concat([words(0x01010000, 0, 1, 8, 8)]), '8 bytes'],
    ['a name past its pair', packed(Buffer.concat([words(20, 9, 4000, 4, 1)])), 'too early'],
    ['an unknown type', packed(pair('a', 99, 1, words(1))), 'unknown type 99 in "a"'],
    [
      'a value that its pair does not fill',
      packed(pair('a', 4, 1, words(1, 2))),
      '4 bytes too many',
    ],
    ['two counts', packed(pair('a', 14, 2, words(1, 1))), '1 elements where 2'],
    ['elements that cannot be there', packed(pair('a', 16, -1, words(-1))), '4294967295 elements'],
    ['lists that cannot be there', packed(pair('a', 20, 9, inner())), '9 elements'],
    ['too many bytes', packed(pair('a', 10, -1, words(1))), 'too early'],
  ])('with %s is refused', (_, bytes, message) => {
    expect(() => decodeNvList(bytes)).toThrow(FormatError);
    expect(() => decodeNvList(bytes)).toThrow(message);
  });

  test('of lists in lists without end is refused', () => {
    let list = inner();
    for (let depth = 0; depth < 40; depth++) list = inner(pair('a', 19, 1, list));
    const bytes = Buffer.concat([Buffer.of(1, 1, 0, 0), list]);
    expect(() => decodeNvList(bytes)).toThrow('more than 32 levels');
  });
});
