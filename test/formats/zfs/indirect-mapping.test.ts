import { expect, test } from 'vitest';
import { FormatError } from '../../../formats/errors.ts';
import { indirectMapping } from '../../../formats/zfs/indirect-mapping.ts';
import type { PoolObject } from '../../../formats/zfs/pool-objects.ts';

const SECTOR = 512;

/** A mapping of extents, `[old offset, length, vdev, new offset]`, in blocks of 64 bytes. */
function mappingOf(entries: readonly (readonly [number, number, number, number])[]): PoolObject {
  const blockSize = 64; // an entry of 24 bytes lies in two of them now and then
  const content = Buffer.alloc(Math.ceil((entries.length * 24) / blockSize) * blockSize);
  for (const [index, [from, length, vdev, to]] of entries.entries()) {
    const at = index * 24;
    content.writeBigUInt64LE(BigInt(from / SECTOR) | (1n << 63n), at); // with the mark of zdb
    content.writeBigUInt64LE(BigInt(length / SECTOR) | (BigInt(vdev) << 32n), at + 8);
    content.writeBigUInt64LE(BigInt(to / SECTOR), at + 16);
  }
  const bonus = Buffer.alloc(32);
  bonus.writeBigUInt64LE(BigInt(entries.length), 16);
  return {
    type: 1,
    bonus,
    bonusType: 1,
    blockSize,
    blockCount: content.length / blockSize,
    block: (index) => Promise.resolve(content.subarray(index * blockSize, (index + 1) * blockSize)),
  };
}

const find = indirectMapping(
  mappingOf([
    [0, 4096, 0, 8192],
    [4096, 8192, 2, 1024],
    [16_384, 512, 0, 0],
    [32_768, 4096, 1, 4096],
    [40_960, 4096, 0, 65_536],
  ]),
);

test('what was moved as a whole is found in its new place', async () => {
  expect(await find(0, 4096)).toEqual([{ vdev: 0, offset: 8192, length: 4096 }]);
  expect(await find(5120, 512)).toEqual([{ vdev: 2, offset: 2048, length: 512 }]);
  expect(await find(43_008, 1024)).toEqual([{ vdev: 0, offset: 67_584, length: 1024 }]);
});

test('what was moved in parts is found in each', async () => {
  expect(await find(2048, 4096)).toEqual([
    { vdev: 0, offset: 10_240, length: 2048 },
    { vdev: 2, offset: 1024, length: 2048 },
  ]);
});

test.each([
  ['between two entries', 12_288, 512],
  ['over the end of one', 11_776, 1024],
  ['after the last', 45_056, 512],
])('what lies %s was not moved', async (_, offset, length) => {
  await expect(find(offset, length)).rejects.toThrow(
    /^zfs: byte \d+ of a removed device was not moved/,
  );
});

test('a mapping that is empty or damaged is refused', async () => {
  await expect(indirectMapping(mappingOf([]))(0, 512)).rejects.toBeInstanceOf(FormatError);
  const tooLong = mappingOf([[0, 512, 0, 0]]);
  tooLong.bonus[16] = 200;
  expect(() => indirectMapping(tooLong)).toThrow('has 200 entries');
});
