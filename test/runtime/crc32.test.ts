import { describe, expect, test } from 'vitest';
import { crc32, crc32ByTable } from '../../src/runtime/crc32.ts';
import { noise } from '../support/disks.ts';

describe.each([
  ['by zlib where Node has it', crc32],
  ['by a table', crc32ByTable],
])('CRC-32 %s', (_, sum) => {
  test('has the check value of its catalogue', () => {
    expect(sum(Buffer.from('123456789'))).toBe(0xcbf43926);
  });

  test('of bytes in parts is that of all of them', () => {
    const bytes = noise(1000);
    const first = sum(bytes.subarray(0, 333));
    expect(sum(bytes.subarray(333), first)).toBe(sum(bytes));
  });

  test('of nothing is zero', () => {
    expect(sum(new Uint8Array())).toBe(0);
  });
});

test('both ways give the same', () => {
  const bytes = noise(65_537);
  expect(crc32ByTable(bytes)).toBe(crc32(bytes));
});
