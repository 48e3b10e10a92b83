import { describe, expect, test } from 'vitest';
import type { DirectDisk } from '../../src/zfs/live/direct-disk.ts';
import { liveSource, type Replacements } from '../../src/zfs/live/live-source.ts';
import { joinStretches, singleGroups } from '../../src/zfs/live/stretches.ts';
import { swapHeaderSize } from '../../src/zfs/live/swap.ts';
import { readVdevLabels } from '../../src/zfs/live/vdev-labels.ts';
import { capturedLabels } from '../formats/zfs/labels.ts';

const SIZE = 10 * 65_536 + 512;
const signal = new AbortController().signal;

/** Bytes in memory, as a disk. */
const diskOf = (bytes: Uint8Array): DirectDisk => ({
  read: (diskOffset, target) => {
    expect(diskOffset % 512).toBe(0);
    expect(target.length % 512).toBe(0);
    target.set(bytes.subarray(diskOffset, diskOffset + target.length));
    return Promise.resolve();
  },
  close: () => Promise.resolve(),
});

const open = (replacements: Partial<Replacements>, log: string[] = []) =>
  liveSource(
    'disk',
    SIZE,
    diskOf(new Uint8Array(SIZE).fill(1)),
    { zeros: joinStretches([]), copies: [], edits: [], ...replacements },
    {
      check: () => undefined,
      finish: () => Promise.resolve(void log.push('finish')),
      release: () => Promise.resolve(void log.push('release')),
    },
  );

/** All of a source, what it leaves out filled with zeros, and the extents that it gave. */
async function readAll(source: ReturnType<typeof open>) {
  const disk = new Uint8Array(SIZE);
  const extents: [number, number][] = [];
  const buffer = new Uint8Array(4 * 65_536);
  for (;;) {
    const extent = await source.next(buffer, signal);
    if (!extent) return { disk, extents };
    disk.set(buffer.subarray(0, extent.length), extent.diskOffset);
    extents.push([extent.diskOffset, extent.length]);
  }
}

describe('a disk in use is read', () => {
  test('with what replaces its bytes, wherever that begins and ends', async () => {
    const expected = new Uint8Array(SIZE).fill(1);
    expected.fill(0, 70_000, 400_000);
    expected.fill(3, 500_000, 501_000);
    expected.fill(2, 65_536, 66_048);
    const source = open({
      zeros: joinStretches(singleGroups([{ start: 70_000, end: 400_000 }])),
      copies: [
        {
          diskOffset: 500_000,
          size: 1000,
          read: (_, target) => Promise.resolve(void target.fill(3)),
          close: () => Promise.resolve(),
        },
      ],
      edits: [{ diskOffset: 65_536, bytes: new Uint8Array(512).fill(2) }],
    });
    const { disk, extents } = await readAll(source);
    expect(Buffer.compare(disk, expected)).toBe(0);
    expect(extents).toEqual([
      [0, 131_072],
      [393_216, 262_144],
      [655_360, 512],
    ]);
    const some = new Uint8Array(1000);
    expect(await source.read?.(65_500, some)).toBe(1000);
    expect(Buffer.compare(some, expected.subarray(65_500, 66_500))).toBe(0);
  });

  test('once, then looked at again, then let go of', async () => {
    const log: string[] = [];
    const source = open({}, log);
    await readAll(source);
    expect(await source.next(new Uint8Array(65_536), signal)).toBeUndefined();
    expect(log).toEqual(['finish']);
    await source.close();
    expect(log).toEqual(['finish', 'release']);
  });
});

const partition = (size: number) => ({
  name: 'sda2',
  path: '/dev/sda2',
  number: '8:2',
  index: 2,
  diskOffset: 4096,
  size,
});

test('the labels of a vdev are found on its partition', async () => {
  const size = 100 * 2 ** 20;
  const bytes = new Uint8Array(4096 + size);
  for (const { label, vdevOffset } of capturedLabels('ashift12', size)) {
    bytes.set(label, 4096 + vdevOffset);
  }
  const found = await readVdevLabels(diskOf(bytes), partition(size));
  expect(found).toMatchObject({ config: { poolName: 'tank12' }, slotCount: 32 });
  expect(found.uberblocks).toHaveLength(4 * 12);
  bytes[4096 + 20_000]! ^= 1;
  await expect(readVdevLabels(diskOf(bytes), partition(size))).rejects.toThrow(
    '/dev/sda2: zfs: the vdev label at byte 0 has a wrong checksum',
  );
});

test.each([4096, 65_536])(
  'a swap partition of pages of %s is known by its header',
  async (page) => {
    const bytes = Buffer.alloc(2 ** 20);
    const disk = diskOf(bytes);
    expect(await swapHeaderSize(disk, partition(500_736), '')).toBeUndefined();
    expect(await swapHeaderSize(disk, partition(500_736), '/dev/sda2 partition 1 0 -2')).toBe(
      65_536,
    );
    bytes.write('SWAPSPACE2', 4096 + page - 10);
    bytes.writeUInt32LE(1, 4096 + 1024);
    bytes.writeUInt32LE(4, 4096 + 1028);
    expect(await swapHeaderSize(disk, partition(500_736), '')).toBe(page);
  },
);

test.each<[string, (head: Buffer) => unknown]>([
  ['ext4, whose superblock is there', (head) => head.writeUInt32LE(65_536, 1024)],
  ['ZFS, whose label leaves it', (head) => head.writeUInt8(1, 16_384)],
  ['a larger partition', (head) => head.writeUInt32LE(2 ** 20, 1028)],
])('the signature that swap has left in what is now %s is none', async (_, overwrite) => {
  const bytes = Buffer.alloc(2 ** 20);
  bytes.write('SWAPSPACE2', 2 * 4096 - 10);
  bytes.writeUInt32LE(1, 4096 + 1024);
  bytes.writeUInt32LE(4, 4096 + 1028);
  overwrite(bytes.subarray(4096));
  expect(await swapHeaderSize(diskOf(bytes), partition(500_736), '')).toBeUndefined();
});
