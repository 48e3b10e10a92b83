import { expect, test } from 'vitest';
import { swapHeaderSize } from '../../src/live/swap.ts';
import { memoryDisk, partitionAt } from '../support/memory-disk.ts';

const PARTITION = partitionAt(4096, 500_736);
const UNUSED = { swaps: '', holders: [] };
const LISTED = { swaps: 'Filename Type\n/dev/sda2 partition 1 0 -2\n', holders: [] };

/** A disk with a header of swap, in pages of that size, in the partition; `edit` changes it. */
function swapDisk(page: number, edit: (head: Buffer) => unknown = () => undefined) {
  const bytes = Buffer.alloc(2 ** 20);
  const head = bytes.subarray(PARTITION.diskOffset);
  head.write('SWAPSPACE2', page - 10);
  head.writeUInt32LE(1, 1024);
  head.writeUInt32LE(4, 1028);
  edit(head);
  return memoryDisk(bytes);
}

test.each([4096, 65_536])(
  'a swap partition with pages of %s is known by its header',
  async (page) => {
    expect(await swapHeaderSize(swapDisk(page), PARTITION, UNUSED)).toBe(page);
    const used = swapDisk(page, (head) => head.fill(0x44, page));
    expect(await swapHeaderSize(used, PARTITION, UNUSED)).toBe(page);
  },
);

test('a partition that the machine swaps to is swap whatever it begins with', async () => {
  const empty = memoryDisk(new Uint8Array(2 ** 20));
  expect(await swapHeaderSize(empty, PARTITION, UNUSED)).toBeUndefined();
  expect(await swapHeaderSize(empty, PARTITION, LISTED)).toBe(65_536);
  const held = { ...LISTED, holders: ['dm-0'] };
  expect(await swapHeaderSize(swapDisk(4096), PARTITION, held)).toBe(4096);
});

test('a signature of swap does not count in what another device is built on', async () => {
  const held = { ...UNUSED, holders: ['md0'] };
  expect(await swapHeaderSize(swapDisk(4096), PARTITION, held)).toBeUndefined();
});

test.each<[string, (head: Buffer) => unknown]>([
  ['ext4, by its superblock', (head) => head.writeUInt32LE(65_536, 1024)],
  ['ZFS, by its label', (head) => head.writeUInt8(1, 16_384)],
  ['a larger partition', (head) => head.writeUInt32LE(2 ** 20, 1028)],
  ['a member of a RAID', (head) => head.write('fc4e2ba9', 4096, 'hex')],
  ['an LVM physical volume', (head) => head.write('LABELONE', 512)],
  ['LUKS', (head) => head.write('LUKS\xba\xbe', 'latin1')],
  ['btrfs', (head) => head.write('_BHRfS_M', 65_600)],
  ['a disk with an MBR', (head) => head.writeUInt16BE(0x55aa, 510)],
])('a signature of swap does not count in what is now %s', async (_, edit) => {
  expect(await swapHeaderSize(swapDisk(4096, edit), PARTITION, UNUSED)).toBeUndefined();
});
