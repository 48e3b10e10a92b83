import { describe, expect, test } from 'vitest';
import { ascii, struct, u16, u32, u64, u8 } from '../../formats/struct.ts';

const sample = {
  kind: [0, u8],
  flags: [1, u8],
  count: [2, u16],
  size: [4, u32],
  offset: [8, u64],
  name: [16, ascii(4)],
} as const;
const values = { kind: 1, flags: 2, count: 0x304, size: 0x5060708, offset: 0x90an, name: 'ab' };

describe('a struct table', () => {
  test('encodes big-endian', () => {
    const bytes = struct('big', 20, sample).encode(values);
    expect(Buffer.from(bytes).toString('hex')).toBe('0102030405060708000000000000090a61620000');
  });

  test('encodes little-endian', () => {
    const bytes = struct('little', 20, sample).encode(values);
    expect(Buffer.from(bytes).toString('hex')).toBe('01020403080706050a0900000000000061620000');
  });

  test('decodes what it encodes, at any place in a buffer', () => {
    const type = struct('big', 20, sample);
    const shifted = Buffer.concat([Buffer.alloc(3), type.encode(values)]).subarray(3);
    expect(type.decode(shifted)).toEqual(values);
  });

  test('is read field by field, as its bytes are then', () => {
    const type = struct('little', 20, sample);
    const bytes = type.encode(values);
    const over = type.over(bytes);
    expect(over.offset).toBe(0x90an);
    bytes.set(type.encode({ ...values, offset: 7n, name: 'cd' }));
    const { kind, offset, name } = over;
    expect({ kind, offset, name }).toEqual({ kind: 1, offset: 7n, name: 'cd' });
    expect(() => type.over(new Uint8Array(19)).name).toThrow(RangeError);
  });

  test('with a gap, an overlap or a wrong total is refused when it is declared', () => {
    expect(() => struct('big', 8, { a: [0, u8], b: [4, u32] })).toThrow('b is declared at 4');
    expect(() => struct('big', 8, { a: [0, u64], b: [4, u32] })).toThrow('b is declared at 4');
    expect(() => struct('big', 9, { a: [0, u64] })).toThrow('end at 8');
  });

  test('refuses text that does not fit and bytes that are too few', () => {
    const type = struct('big', 4, { name: [0, ascii(4)] });
    expect(() => type.encode({ name: 'abcde' })).toThrow(RangeError);
    expect(() => type.decode(new Uint8Array(3))).toThrow(RangeError);
  });
});
