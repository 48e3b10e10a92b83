// VMAs as Proxmox makes them, with several devices and clusters out of order, and those that mean
// harm.

import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { vma } from '../../formats/index.ts';
import { device, ENTRY_SIZE, extent, header } from '../../formats/vma/layout.ts';
import { text } from '../support/disks.ts';
import { diskOf, openImage, problemsOf } from '../support/read-image.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { writeImage } from '../support/write-image.ts';

const CLUSTER = 65_536;
const PAGE = 4096;
const UUID = Buffer.from('a0a1a2a3a4a54617b8191a1b1c1d1e1f', 'hex');

/** A cluster with its stored pages; `fill` is the text of the first. */
type Cluster = readonly [device: number, cluster: number, mask: number];

interface Archive {
  /** Names and sizes, from device 1 on. */
  readonly devices: readonly (readonly [name: string, size: number])[];
  readonly extents: readonly (readonly Cluster[])[];
  readonly header?: Partial<ReturnType<typeof header.decode>>;
  readonly extent?: Partial<ReturnType<typeof extent.decode>>;
}

function sealed(bytes: Buffer, at: number): Buffer {
  bytes.fill(0, at, at + 16);
  bytes.set(createHash('md5').update(bytes).digest(), at);
  return bytes;
}

function archiveOf({ devices, extents, ...changes }: Archive): Buffer {
  const blobs = Buffer.alloc(1024);
  let end = 1;
  const blob = (content: string) => {
    const at = end;
    blobs.writeUInt16LE(content.length, at);
    end = at + 2 + blobs.write(content, at + 2);
    return at;
  };
  const table = Buffer.alloc(256 * device.size);
  devices.forEach(([name, size], i) => {
    const facts = { reserved: 0, size: BigInt(size), reserved1: 0n, reserved2: 0n };
    table.set(device.encode({ name: blob(`${name}\0`), ...facts }), (i + 1) * device.size);
  });
  const names = Buffer.alloc(1024);
  names.writeUInt32BE(blob('qemu-server.conf\0'));
  const head = header.encode({
    magic: 'VMA',
    version: 1,
    uuid: UUID,
    createdAt: 1_700_000_000n,
    md5: Buffer.alloc(16),
    blobsOffset: header.size,
    blobsSize: blobs.length,
    size: header.size + blobs.length,
    reserved: Buffer.alloc(1984),
    configNames: names,
    configData: Buffer.alloc(1024),
    reserved1: 0,
    devices: table,
    ...changes.header,
  });
  const parts = extents.map((clusters) => extentOf(clusters, changes.extent));
  return Buffer.concat([sealed(Buffer.concat([head, blobs]), 32), ...parts]);
}

function extentOf(clusters: readonly Cluster[], changes: Archive['extent']): Buffer {
  const entries = Buffer.alloc(59 * ENTRY_SIZE);
  const pages: Buffer[] = [];
  clusters.forEach(([deviceId, cluster, mask], i) => {
    entries.writeUInt16BE(mask, i * ENTRY_SIZE);
    entries.writeUInt16BE(deviceId, i * ENTRY_SIZE + 2);
    entries.writeUInt32BE(cluster, i * ENTRY_SIZE + 4);
    for (let page = 0; page < 16; page++) {
      if ((mask & (1 << page)) !== 0) pages.push(pageOf(deviceId, cluster, page));
    }
  });
  const head = extent.encode({
    magic: 'VMAE',
    reserved: 0,
    pageCount: pages.length,
    uuid: UUID,
    md5: Buffer.alloc(16),
    entries,
    ...changes,
  });
  return Buffer.concat([sealed(Buffer.from(head), 24), ...pages]);
}

function pageOf(deviceId: number, cluster: number, page: number): Buffer {
  return Buffer.alloc(PAGE, `page ${page} of cluster ${cluster} of device ${deviceId}\n`);
}

const DEVICES = [
  ['drive-efidisk0', 2 * CLUSTER],
  ['drive-scsi0', 4 * CLUSTER + 512],
  ['drive-virtio1', CLUSTER],
] as const;

const EXTENTS: readonly (readonly Cluster[])[] = [
  [
    [1, 0, 1],
    [2, 4, 0x0001],
    [2, 1, 0xffff],
  ],
  [
    [0, 9, 0],
    [2, 0, 0x8001],
    [3, 0, 0x0ff0],
    [1, 1, 0],
  ],
  [
    [2, 3, 0],
    [2, 2, 0x0006],
  ],
];

function expectedDisk(): Buffer {
  const disk = Buffer.alloc(4 * CLUSTER + 512);
  for (const [id, cluster, mask] of EXTENTS.flat()) {
    if (id !== 2) continue;
    for (let page = 0; page < 16; page++) {
      if ((mask & (1 << page)) === 0) continue;
      pageOf(2, cluster, page).copy(disk, cluster * CLUSTER + page * PAGE);
    }
  }
  return disk;
}

const sound: Archive = { devices: DEVICES, extents: EXTENTS };

describe('an archive of several devices, its clusters out of order', () => {
  const bytes = archiveOf(sound);

  test('that is cut off behind an extent is not taken for one that ends in zeros', async () => {
    const whole = archiveOf({ devices: DEVICES, extents: EXTENTS });
    const cut = archiveOf({ devices: DEVICES, extents: EXTENTS.slice(0, 1) });
    expect(whole.subarray(0, cut.length).equals(cut)).toBe(true);
    const reader = await openImage(vma(), cut);
    await expect(diskOf(reader, cut)).rejects.toThrow(
      'the archive lacks 3 of the 5 clusters of "drive-scsi0": it may be cut off',
    );
  });

  test('has the disk that is neither the variables of the firmware nor the second', async () => {
    const reader = await openImage(vma(), bytes);
    expect((await diskOf(reader, bytes)).equals(expectedDisk())).toBe(true);
    expect(await problemsOf(reader)).toEqual([]);
    expect(reader.facts).toEqual({
      format: 'vma',
      diskSize: 4 * CLUSTER + 512,
      details: {
        UUID: 'a0a1a2a3-a4a5-4617-b819-1a1b1c1d1e1f',
        created: '2023-11-14T22:13:20.000Z',
        device: 'drive-scsi0',
        devices: [
          'drive-efidisk0: 131072 bytes',
          'drive-scsi0: 262656 bytes',
          'drive-virtio1: 65536 bytes',
        ],
        files: ['qemu-server.conf'],
      },
    });
  });

  test.each(['drive-virtio1', 'virtio1'])('has the device that is asked for: %s', async (name) => {
    const reader = await openImage(vma({ device: name }), bytes);
    const disk = await diskOf(reader, bytes);
    expect(disk.subarray(4 * PAGE, 5 * PAGE).equals(pageOf(3, 0, 4))).toBe(true);
    expect(disk).toHaveLength(CLUSTER);
  });

  test('lists its devices if it has not the one that is asked for', async () => {
    await expect(openImage(vma({ device: 'scsi1' }), bytes)).rejects.toThrow(
      'vma: it has no device "scsi1"; its devices: "drive-efidisk0", "drive-scsi0", "drive-virtio1"',
    );
  });

  test('joins what is adjacent on the disk and in the archive', async () => {
    const reader = await openImage(vma(), bytes);
    const found: [number, number][] = [];
    for await (const { diskOffset, diskLength } of reader.extents()) {
      found.push([diskOffset, diskLength]);
    }
    expect(found).toEqual([
      [0, PAGE],
      [15 * PAGE, PAGE],
      [CLUSTER, CLUSTER],
      [2 * CLUSTER + PAGE, 2 * PAGE],
      [4 * CLUSTER, 512],
    ]);
  });

  test('is read from any place on', async () => {
    const reader = await openImage(vma(), bytes);
    for (const [from, first] of [
      [PAGE, 15 * PAGE],
      [CLUSTER, CLUSTER],
      [2 * CLUSTER, 2 * CLUSTER + PAGE],
      [4 * CLUSTER + 511, 4 * CLUSTER],
    ] as const) {
      for await (const { diskOffset } of reader.extents(from)) {
        expect(diskOffset).toBe(first);
        break;
      }
    }
    for await (const found of reader.extents(4 * CLUSTER + 512)) expect(found).toBe(undefined);
  });
});

test('a state of memory is neither read nor counted', async () => {
  const bytes = archiveOf({
    devices: [
      ['vmstate', 512],
      ['drive-ide0', CLUSTER],
    ],
    extents: [
      [
        [1, 70_000, 0xffff],
        [2, 0, 1],
      ],
    ],
  });
  const reader = await openImage(vma(), bytes);
  expect((await diskOf(reader, bytes)).subarray(0, PAGE).equals(pageOf(2, 0, 0))).toBe(true);
  expect(await problemsOf(reader)).toEqual([]);
});

describe('an archive that Proxmox would not restore', () => {
  async function problems(extents: Archive['extents']): Promise<string[]> {
    return problemsOf(await openImage(vma(), archiveOf({ ...sound, extents })));
  }

  test('is found to lack clusters', async () => {
    expect(await problems(EXTENTS.slice(0, 2))).toEqual([
      'error: "drive-scsi0" lacks 2 of its 5 clusters',
    ]);
  });

  test('is found to have one twice', async () => {
    expect(await problems([...EXTENTS, [[2, 1, 0]]])).toEqual([
      'error: cluster 1 of "drive-scsi0" is there twice',
    ]);
    const bytes = archiveOf({ ...sound, extents: [...EXTENTS, [[2, 1, 1]]] });
    const reader = await openImage(vma(), bytes);
    await expect(diskOf(reader, bytes)).rejects.toThrow(
      'cluster 1 of "drive-scsi0" is there twice',
    );
  });

  test('is found to have data past the end of a device', async () => {
    const extents = EXTENTS.map((clusters) =>
      clusters.map(([id, cluster, mask]): Cluster => [id, cluster, cluster === 4 ? 3 : mask]),
    );
    expect(await problems(extents)).toEqual([
      'error: cluster 4 of "drive-scsi0" has data past its end',
    ]);
    const bytes = archiveOf({ ...sound, extents });
    const reader = await openImage(vma(), bytes);
    await expect(diskOf(reader, bytes)).rejects.toThrow('cluster 4 has data past the end');
  });
});

describe('a damaged archive', () => {
  const flipped = (at: number, archive = sound) => {
    const bytes = archiveOf(archive);
    bytes[at] = (bytes[at] ?? 0) ^ 1;
    return bytes;
  };
  const first = header.size + 1024;

  test.each<[string, Buffer, RegExp]>([
    ['its magic number', flipped(0), /does not begin like a VMA/],
    ['a bit of the header', flipped(5000), /the MD5 of the header is wrong/],
    ['a bit of an extent', flipped(first + 100), /the MD5 of the extent at 13312 is wrong/],
    ['another version', archiveOf({ ...sound, header: { version: 2 } }), /version 2 of the format/],
    ['a header without blobs', archiveOf({ ...sound, header: { size: 12_288 } }), /a header of/],
    ['a header of GiB', archiveOf({ ...sound, header: { size: 2 ** 31 } }), /are the most here/],
    ['blobs past it', archiveOf({ ...sound, header: { blobsSize: 2048 } }), /blobs of 2048 bytes/],
    ['no device', archiveOf({ devices: [], extents: [] }), /it has no disk; its devices: none/],
    [
      'a device of half a sector',
      archiveOf({ devices: [['drive-ide0', 100]], extents: [] }),
      /which are no whole sectors/,
    ],
    [
      'a device of an exbibyte',
      archiveOf({ devices: [['drive-ide0', 2 ** 52]], extents: [] }),
      /are the most here/,
    ],
    [
      'an extent of another archive',
      archiveOf({ ...sound, extent: { uuid: Buffer.alloc(16) } }),
      /another archive/,
    ],
    [
      'another number of pages',
      archiveOf({ ...sound, extent: { pageCount: 1 } }),
      /has 1 pages, its clusters have 18/,
    ],
    [
      'no extent where one begins',
      archiveOf({ ...sound, extent: { magic: 'VMAX' } }),
      /there is no extent at/,
    ],
    [
      'a device that is not listed',
      archiveOf({ ...sound, extents: [[[4, 0, 0]]] }),
      /device 4, which is not listed/,
    ],
    [
      'a cluster past the end',
      archiveOf({ ...sound, extents: [[[2, 5, 0]]] }),
      /cluster 5 of "drive-scsi0", which has 5/,
    ],
    ['its end in an extent', archiveOf(sound).subarray(0, -1), /the archive ends in the extent/],
    [
      'its end in the header of one',
      archiveOf(sound).subarray(0, first + 100),
      /ends in the extent at 13312/,
    ],
  ])('is refused for %s', async (_, bytes, message) => {
    const read = async () => diskOf(await openImage(vma(), bytes), bytes);
    await expect(read()).rejects.toThrow(message);
    await expect(read()).rejects.toThrow(/^vma: /);
  });
});

test('clusters in the reverse order are read in that of the disk', async () => {
  const size = 300 * CLUSTER;
  const extents = Array.from({ length: 300 }, (_, i): Cluster[] => [[1, 299 - i, 1]]);
  const bytes = archiveOf({ devices: [['drive-scsi0', size]], extents });
  const reader = await openImage(vma(), bytes);
  const disk = await diskOf(reader, bytes);
  for (const cluster of [0, 1, 150, 299]) {
    const at = cluster * CLUSTER;
    expect(disk.subarray(at, at + PAGE).equals(pageOf(1, cluster, 0))).toBe(true);
  }
  expect(await problemsOf(reader)).toEqual([]);
});

test('clusters in any order are read in that of the disk', async () => {
  const count = 59 * 40;
  // 7919 is a prime that does not divide the count, so that each number comes once.
  const numbers = Array.from({ length: count }, (_, i) => (i * 7919) % count);
  const extents = Array.from({ length: 40 }, (_, n) =>
    numbers.slice(n * 59, (n + 1) * 59).map((cluster): Cluster => [1, cluster, cluster % 3]),
  );
  const bytes = archiveOf({ devices: [['drive-scsi0', count * CLUSTER]], extents });
  const reader = await openImage(vma(), bytes);
  let last = -1;
  let found = 0;
  for await (const { diskOffset } of reader.extents()) {
    expect(diskOffset).toBeGreaterThan(last);
    last = diskOffset;
    found++;
  }
  expect(found).toBe(numbers.filter((cluster) => cluster % 3 !== 0).length);
});

test('what is ours is recognized by its first bytes, and no text is', async () => {
  const { bytes } = await writeImage(vma(), diskWithBlocks(512, [0]));
  expect(vma().matches(bytes.subarray(0, 512))).toBe(true);
  expect(vma().matches(text(512))).toBe(false);
});
