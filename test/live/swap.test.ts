import { expect, test } from 'vitest';
import { swapHeaderSize } from '../../src/live/swap.ts';
import { memoryDisk, partitionAt } from '../support/memory-disk.ts';

const PARTITION = partitionAt(4096, 500_736);

test.each([4096, 65_536])(
  'a swap partition with pages of %s is known by its header',
  async (page) => {
    const bytes = Buffer.alloc(2 ** 20);
    const disk = memoryDisk(bytes);
    expect(await swapHeaderSize(disk, PARTITION, '')).toBeUndefined();
    expect(await swapHeaderSize(disk, PARTITION, '/dev/sda2 partition 1 0 -2')).toBe(65_536);
    bytes.write('SWAPSPACE2', 4096 + page - 10);
    bytes.writeUInt32LE(1, 4096 + 1024);
    bytes.writeUInt32LE(4, 4096 + 1028);
    expect(await swapHeaderSize(disk, PARTITION, '')).toBe(page);
  },
);

test.each<[string, (head: Buffer) => unknown]>([
  ['ext4, by its superblock', (head) => head.writeUInt32LE(65_536, 1024)],
  ['ZFS, by its label', (head) => head.writeUInt8(1, 16_384)],
  ['a larger partition', (head) => head.writeUInt32LE(2 ** 20, 1028)],
])('a signature of swap does not count in what is now %s', async (_, overwrite) => {
  const bytes = Buffer.alloc(2 ** 20);
  bytes.write('SWAPSPACE2', 2 * 4096 - 10);
  bytes.writeUInt32LE(1, 4096 + 1024);
  bytes.writeUInt32LE(4, 4096 + 1028);
  overwrite(bytes.subarray(4096));
  expect(await swapHeaderSize(memoryDisk(bytes), PARTITION, '')).toBeUndefined();
});
