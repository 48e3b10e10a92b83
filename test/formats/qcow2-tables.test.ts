// Tables that no program writes, in images made by hand: shared ones, too long ones, and those of
// snapshots and bitmaps that lie on others.

import { describe, expect, test } from 'vitest';
import { type ImageExtent, type ImageInput, qcow2 } from '../../formats/index.ts';
import { bitmap, bitmaps, header, snapshot, snapshotExtra } from '../../formats/qcow2/layout.ts';
import { inputOf, openImage, problemsOf } from '../support/read-image.ts';
import { sparseInput } from '../support/sparse-input.ts';

const MIB = 2 ** 20;
const CLUSTER = 512;
const REFCOUNTS = 2 * CLUSTER;
const MAP = 3 * CLUSTER;
const ZEROS = 1n; // an L2 entry
const COPIED = 1n << 63n;

type Values = Partial<ReturnType<typeof header.decode>>;
type Parts = readonly (readonly [offset: number, bytes: Uint8Array])[];

/** The header of an image with those bitmaps, and whose refcount table is its second cluster. */
function headerOf(values: Values, { count = 0, size = 0, offset = 0 } = {}): Buffer {
  const extension = Buffer.alloc(8);
  extension.writeUInt32BE(0x23852875);
  extension.writeUInt32BE(bitmaps.size, 4);
  const fields = {
    count,
    reserved: 0,
    directorySize: BigInt(size),
    directoryOffset: BigInt(offset),
  };
  const encoded = header.encode({
    magic: 0x514649fb,
    version: 3,
    backingFileOffset: 0n,
    backingFileSize: 0,
    clusterBits: 9,
    size: 32_768n,
    cryptMethod: 0,
    l1Size: 1,
    l1TableOffset: BigInt(MAP),
    refcountTableOffset: BigInt(2 ** (values.clusterBits ?? 9)),
    refcountTableClusters: 1,
    snapshotCount: 0,
    snapshotsOffset: 0n,
    incompatibleFeatures: 0n,
    compatibleFeatures: 0n,
    autoclearFeatures: 1n, // the bitmaps are valid
    refcountOrder: 4,
    headerLength: header.size,
    ...values,
  });
  return Buffer.concat([encoded, ...(count > 0 ? [extension, bitmaps.encode(fields)] : [])]);
}

/** An image of clusters of 512 bytes, at most 256, each with the refcount 1. */
function imageOf(head: Buffer, clusterCount: number, parts: Parts = []): Buffer {
  const image = Buffer.alloc(clusterCount * CLUSTER);
  head.copy(image);
  image.writeBigUInt64BE(BigInt(REFCOUNTS), CLUSTER);
  for (let i = 0; i < clusterCount; i++) image.writeUInt16BE(1, REFCOUNTS + 2 * i);
  for (const [offset, bytes] of parts) image.set(bytes, offset);
  return image;
}

/** Numbers of 64 bits. */
function table(...entries: readonly bigint[]): Buffer {
  const bytes = Buffer.alloc(8 * entries.length);
  entries.forEach((entry, i) => bytes.writeBigUInt64BE(entry, 8 * i));
  return bytes;
}

/** An entry of the snapshot table; that of version 2 may leave the size of the disk out. */
function snapshotOf(l1TableOffset: number, l1Size: number, extraSize = snapshotExtra.size): Buffer {
  const sizes = { idSize: 0, nameSize: 0, vmStateSize: 0, extraSize };
  const times = { seconds: 0, nanoseconds: 0, guestClock: 0n };
  const place = { l1TableOffset: BigInt(l1TableOffset), l1Size };
  const extra = snapshotExtra.encode({ vmStateSize: 0n, diskSize: 32_768n });
  return Buffer.concat([
    snapshot.encode({ ...place, ...sizes, ...times }),
    extra.subarray(0, extraSize),
  ]);
}

function bitmapOf(tableOffset: number, tableSize: number): Uint8Array {
  const rest = { flags: 0, type: 1, granularityBits: 16, nameSize: 0, extraSize: 0 };
  return bitmap.encode({ tableOffset: BigInt(tableOffset), tableSize, ...rest });
}

/** An image with a hole where it has no part; `bytesRead` are those that were read. */
function countedInput(
  size: number,
  parts: Parts,
): ImageInput & { readonly bytesRead: () => number } {
  const image = sparseInput(size, parts);
  let total = 0;
  return {
    size,
    bytesRead: () => total,
    isHole: (at, length) =>
      parts.every(([offset, bytes]) => offset + bytes.length <= at || at + length <= offset),
    read(at, length) {
      total += length;
      return image.read(at, length);
    },
  };
}

const problemsIn = async (image: Buffer | ImageInput) =>
  problemsOf(await openImage(qcow2(), image));

test('an image made by hand is sound', async () => {
  expect(await problemsIn(imageOf(headerOf({}), 4))).toEqual([]);
});

test('an L2 table past the end is refused, though a file may have a hole there', async () => {
  const image = imageOf(headerOf({}), 4, [[MAP, table(BigInt(2 ** 20))]]);
  const input = { ...inputOf(image), isHole: () => true };
  const walk = async () => {
    for await (const extent of (await openImage(qcow2(), input)).extents()) {
      expect(extent).toBeUndefined();
    }
  };
  await expect(walk()).rejects.toThrow('the L2 table at 0x100000 runs past the end of the image');
});

describe('the entry of a snapshot', () => {
  const withSnapshot = (version: number, extraSize: number) =>
    imageOf(headerOf({ version, snapshotCount: 1, snapshotsOffset: BigInt(4 * CLUSTER) }), 6, [
      [4 * CLUSTER, snapshotOf(5 * CLUSTER, 1, extraSize)],
    ]);

  test.each([
    [2, 0],
    [2, 8],
    [3, 16],
  ])('of version %i is sound with %i bytes of extra data', async (version, extraSize) => {
    expect(await problemsIn(withSnapshot(version, extraSize))).toEqual([]);
  });

  test.each([0, 8])(
    'of version 3 with %i bytes of extra data is found, as by QEMU',
    async (extraSize) => {
      expect(await problemsIn(withSnapshot(3, extraSize))).toEqual([
        'error: the entry of the snapshot "" lacks the size of its disk, which version 3 demands',
      ]);
    },
  );
});

describe('the table of a snapshot', () => {
  test('that is the active one is found, also where all tables have more bytes than the image', async () => {
    const head = headerOf({
      l1Size: 4096,
      snapshotCount: 1,
      snapshotsOffset: BigInt(67 * CLUSTER),
    });
    const image = imageOf(head, 68, [[67 * CLUSTER, snapshotOf(MAP, 4096)]]);
    expect(await problemsIn(image)).toContainEqual(
      'error: the cluster at 0x600 is used for two tables',
    );
  });

  test("of more than QEMU's limit is found", async () => {
    const head = headerOf({ snapshotCount: 1, snapshotsOffset: BigInt(4 * CLUSTER) });
    const parts: Parts = [
      [0, imageOf(head, 5)],
      [4 * CLUSTER, snapshotOf(MIB, 2 ** 22 + 1)],
    ];
    expect((await problemsIn(countedInput(64 * MIB, parts)))[0]).toBe(
      'error: the L1 table of the snapshot "" has 33554440 bytes, QEMU\'s limit is 33554432',
    );
  });

  test('in a hole is not read, however many there are', async () => {
    const cluster = 2 * MIB;
    const size = 32 * MIB;
    const values = { snapshotCount: 64, snapshotsOffset: BigInt(2 * cluster) };
    const place = (i: number) => 3 * cluster + i * size;
    const snapshots = Array.from({ length: 64 }, (_, i) => snapshotOf(place(i), size / 8));
    const input = countedInput(place(64), [
      [0, headerOf({ clusterBits: 21, l1TableOffset: 0n, l1Size: 0, size: 0n, ...values })],
      [2 * cluster, Buffer.concat(snapshots)],
      [place(63) + MIB, table(BigInt(cluster) + 512n)],
    ]);
    expect(await problemsIn(input)).toContainEqual(
      expect.stringMatching(/^error: entry 131072 of the L1 table of the snapshot ""/),
    );
    expect(input.bytesRead()).toBeLessThan(16 * MIB);
  });
});

describe('the bitmaps', () => {
  const DIRECTORY = 4 * CLUSTER;
  const withBitmaps = (size: number, entries: readonly Uint8Array[], values: Values = {}) =>
    imageOf(headerOf(values, { count: entries.length, size, offset: DIRECTORY }), 6, [
      [DIRECTORY, Buffer.concat(entries)],
    ]);

  test('are sound if each has a table of its own', async () => {
    expect(await problemsIn(withBitmaps(24, [bitmapOf(5 * CLUSTER, 3)]))).toEqual([]);
  });

  test.each<[string, Buffer, string]>([
    [
      'that the directory has no room for',
      withBitmaps(24, [bitmapOf(5 * CLUSTER, 1), bitmapOf(5 * CLUSTER, 1)]),
      'the bitmap directory at 0x800 ends before bitmap 2 of 2',
    ],
    [
      'whose table is not aligned',
      withBitmaps(24, [bitmapOf(5 * CLUSTER + 8, 1)]),
      'the bitmap table at 0xa08 is not aligned to a cluster',
    ],
    [
      'whose table is past the end',
      withBitmaps(24, [bitmapOf(5 * CLUSTER, 65)]),
      'the bitmap table at 0xa00 runs past the end of the image (0xc00)',
    ],
    [
      'whose table has a cluster past the end',
      imageOf(headerOf({}, { count: 1, size: 24, offset: DIRECTORY }), 6, [
        [DIRECTORY, bitmapOf(5 * CLUSTER, 1)],
        [5 * CLUSTER, table(2n ** 40n)],
      ]),
      'a cluster at 0x10000000000 runs past the end of the image (0xc00)',
    ],
    [
      'of which two have one table',
      withBitmaps(48, [bitmapOf(5 * CLUSTER, 64), bitmapOf(5 * CLUSTER, 64)]),
      'the cluster at 0xa00 is used for two tables',
    ],
    [
      'of which many have one table',
      withBitmaps(240, Array<Uint8Array>(10).fill(bitmapOf(5 * CLUSTER, 64))),
      'the cluster at 0xa00 is used for two tables',
    ],
  ])('%s are found', async (_, image, message) => {
    expect(await problemsIn(image)).toContain(`error: ${message}`);
  });

  test('that have the table of the disk are found, where all have more bytes than the image', async () => {
    const head = headerOf({ l1Size: 4096 }, { count: 1, size: 24, offset: 67 * CLUSTER });
    const image = imageOf(head, 68, [[67 * CLUSTER, bitmapOf(MAP, 4096)]]);
    expect(await problemsIn(image)).toContain('error: the cluster at 0x600 is used for two tables');
  });

  test("of more than QEMU's limit are found", async () => {
    const head = headerOf({}, { count: 1, size: 24, offset: DIRECTORY });
    const parts: Parts = [[0, imageOf(head, 5, [[DIRECTORY, bitmapOf(MIB, MIB + 1)]])]];
    expect((await problemsIn(countedInput(10 * MIB, parts)))[0]).toBe(
      'error: the bitmap table at 0x100000 has 1048577 entries, too many',
    );
  });

  test('are refused if there are more than QEMU opens', async () => {
    const directory = { count: 65_536, size: 24, offset: DIRECTORY };
    await expect(openImage(qcow2(), imageOf(headerOf({}, directory), 5))).rejects.toMatchObject({
      kind: 'unsupported',
      message: "qcow2: 65536 bitmaps, QEMU's limit is 65535",
    });
  });
});

test('an image of more than 2^28 clusters can be read, but not checked', async () => {
  const input = countedInput(2 ** 38, [[0, imageOf(headerOf({}), 4)]]);
  const reader = await openImage(qcow2(), input);
  expect(reader.facts.diskSize).toBe(32_768);
  await expect(problemsOf(reader)).rejects.toMatchObject({
    kind: 'unsupported',
    message: 'qcow2: the image has 536870912 clusters, at most 268435456 can be checked',
  });
});

describe('a map that names one L2 table for three parts of the disk', () => {
  const SPAN = 64 * CLUSTER;
  const L2 = 4 * CLUSTER;
  const sharing = (entries: readonly bigint[], values: Values = {}) => {
    const image = imageOf(headerOf({ size: BigInt(3 * SPAN - 512), l1Size: 3, ...values }), 5, [
      [MAP, table(BigInt(L2), BigInt(L2), BigInt(L2))],
      [L2, table(...entries)],
    ]);
    image.writeUInt16BE(3, REFCOUNTS + 2 * 4);
    return image;
  };
  const zeros = Array<bigint>(64).fill(ZEROS);
  const extentsIn = async (image: Buffer, from = 0) => {
    const found: ImageExtent[] = [];
    for await (const extent of (await openImage(qcow2(), image)).extents(from)) found.push(extent);
    return found;
  };

  test('is zeros if the table has nothing else, from any place on', async () => {
    const image = sharing(zeros);
    const parts = [SPAN, SPAN, SPAN - 512].map((diskLength, i) => ({
      kind: 'zeros',
      diskOffset: i * SPAN,
      diskLength,
    }));
    expect(await extentsIn(image)).toEqual(parts);
    expect(await extentsIn(image, SPAN)).toEqual(parts.slice(1));
    expect(await problemsIn(image)).toEqual([]);
  });

  test.each<[string, Buffer]>([
    ['data', sharing([...zeros.slice(1), COPIED | BigInt(MAP)])],
    ['no zeros', sharing([...zeros.slice(1), 0n])],
    ['flags that version 2 does not have', sharing(zeros, { version: 2 })],
  ])('is refused if the table has %s', async (_, image) => {
    await expect(extentsIn(image)).rejects.toMatchObject({
      kind: 'damaged',
      message: 'qcow2: the L2 table at 0x800 maps two parts of the disk',
    });
  });
});
