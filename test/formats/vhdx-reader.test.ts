// VHDXs as others make them, ours with what a reader must stand changed, and those that mean harm.

import { describe, expect, test } from 'vitest';
import { vhdx } from '../../formats/index.ts';
import { guidBytes } from '../../formats/guid.ts';
import {
  header,
  HEADER_OFFSETS,
  metadataEntry,
  metadataTable,
  REGION_TABLE_OFFSETS,
  REGION_TABLE_SIZE,
  regionEntry,
  regionTable,
  seal,
} from '../../formats/vhdx/layout.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { diskOf, inputOf, openImage, problemsOf } from '../support/read-image.ts';
import { writeImage } from '../support/write-image.ts';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const METADATA = 2 * MIB;
const TABLE = 3 * MIB;

// Data in three blocks, which are at 4, 5 and 6 MiB of the image.
const DISK = diskWithBlocks(6 * MIB, [0, 16, 95]);
const image = (await writeImage(vhdx(), DISK)).bytes;

function changed(change: (copy: Buffer) => void, of = image): Buffer {
  const copy = Buffer.from(of);
  change(copy);
  return copy;
}

function patchHeader(
  copy: Buffer,
  index: 0 | 1,
  values: Partial<ReturnType<typeof header.decode>>,
) {
  const at = HEADER_OFFSETS[index];
  copy.set(seal(header.encode({ ...header.decode(copy.subarray(at)), ...values })), at);
}

/** Changes an entry of both region tables, or the number of their entries. */
function patchRegions(
  copy: Buffer,
  index: number,
  values: Partial<ReturnType<typeof regionEntry.decode>>,
  entryCount = 2,
) {
  for (const offset of REGION_TABLE_OFFSETS) {
    const table = copy.subarray(offset, offset + REGION_TABLE_SIZE);
    table.set(regionTable.encode({ ...regionTable.decode(table), entryCount }));
    const at = regionTable.size + index * regionEntry.size;
    table.set(regionEntry.encode({ ...regionEntry.decode(table.subarray(at)), ...values }), at);
    seal(table);
  }
}

function patchMetadata(
  copy: Buffer,
  index: number,
  values: Partial<ReturnType<typeof metadataEntry.decode>>,
) {
  const at = METADATA + metadataTable.size + index * metadataEntry.size;
  copy.set(metadataEntry.encode({ ...metadataEntry.decode(copy.subarray(at)), ...values }), at);
}

const setBlock = (block: number, entry: bigint) => (copy: Buffer) =>
  void copy.writeBigUInt64LE(entry, TABLE + 8 * block);

// The items of our metadata, one after the other.
const BLOCK_SIZE = METADATA + 64 * KIB;
const FLAGS = BLOCK_SIZE + 4;
const DISK_SIZE = BLOCK_SIZE + 8;
const SECTOR_SIZE = BLOCK_SIZE + 32;

async function read(bytes: Buffer): Promise<Buffer> {
  return diskOf(await openImage(vhdx(), bytes), bytes);
}

const expected = await read(image);

test('a VHDX of ours says what it is', async () => {
  const { facts } = await openImage(vhdx(), image);
  expect(facts).toMatchObject({
    format: 'vhdx',
    subformat: 'dynamic',
    diskSize: 6 * MIB,
    id: '10111213-1415-4617-b819-1a1b1c1d1e1b',
    backing: undefined,
  });
  expect(facts.details).toEqual({
    creator: 'kexport',
    'block size': MIB,
    'logical sector size': 512,
    'physical sector size': 4096,
    'virtual disk ID': '10111213-1415-4617-b819-1a1b1c1d1e1b',
    'data write GUID': '10111213-1415-4617-b819-1a1b1c1d1e1b',
  });
});

test('a VHDX is read from any place on', async () => {
  const reader = await openImage(vhdx(), image);
  for (const [from, offsets] of [
    [MIB - 1, [0, 5 * MIB]], // the first two blocks are one extent
    [MIB, [MIB, 5 * MIB]],
    [2 * MIB, [5 * MIB]],
    [6 * MIB, []],
  ] as const) {
    const found: number[] = [];
    for await (const { diskOffset } of reader.extents(from)) found.push(diskOffset);
    expect(found).toEqual(offsets);
  }
});

describe('a VHDX is the same disk', () => {
  test.each<[string, (copy: Buffer) => void]>([
    ['whose older header is damaged', (copy) => copy.fill(0, 64 * KIB, 68 * KIB)],
    ['whose newer header is damaged', (copy) => copy.fill(0, 128 * KIB, 132 * KIB)],
    [
      'whose headers are the same, as those of Disk2vhd',
      (copy) => copy.copy(copy, 128 * KIB, 64 * KIB, 68 * KIB),
    ],
    [
      'whose regions are not marked as required, as those of QEMU',
      (copy) => patchRegions(copy, 0, { required: 0 }),
    ],
    [
      'with a region that is not known, and need not be',
      (copy) =>
        patchRegions(
          copy,
          2,
          { guid: new Uint8Array(16).fill(1), imageOffset: BigInt(MIB), length: MIB, required: 0 },
          3,
        ),
    ],
    ['without a log', (copy) => patchHeader(copy, 1, { logLength: 0, logOffset: 0n })],
    ['whose blocks of zeros are not present', setBlock(2, 0n)],
    ['whose blocks of zeros are undefined, and somewhere', setBlock(2, 0x40_0001n)],
    ['whose blocks of zeros are unmapped, and somewhere', setBlock(2, 0x40_0003n)],
    ['whose blocks of zeros are unmapped by the draft', setBlock(2, 5n)],
  ])('%s', async (_, change) => {
    const bytes = changed(change);
    expect((await read(bytes)).equals(expected)).toBe(true);
  });

  test('that ends with the disk, within its last block', async () => {
    const cut = await writeImage(vhdx(), diskWithBlocks(6 * MIB, [80]));
    const bytes = changed(
      (copy) => copy.writeBigUInt64LE(BigInt(5 * MIB + 64 * KIB), DISK_SIZE),
      cut.bytes,
    ).subarray(0, 4 * MIB + 64 * KIB);
    const reader = await openImage(vhdx(), bytes);
    expect((await diskOf(reader, bytes)).subarray(5 * MIB).toString()).toMatch(/^block 80/);
    expect(await problemsOf(reader)).toEqual([]);
  });
});

test('sectors of 4096 bytes make longer chunks of the table', async () => {
  const large = (await writeImage(vhdx(), diskWithBlocks(5 * GIB, [65_536]))).read(0, 5 * MIB);
  const bytes = changed((copy) => {
    copy.writeUInt32LE(4096, SECTOR_SIZE);
    // No entry of a sector bitmap is before that of the block at 4 GiB any more.
    copy.copy(copy, TABLE + 8 * 4096, TABLE + 8 * 4097, TABLE + 8 * 5121);
  }, large);
  const reader = await openImage(vhdx(), bytes);
  const found = [];
  for await (const extent of reader.extents()) found.push(extent);
  expect(found).toMatchObject([{ diskOffset: 4 * GIB, imageOffset: 4 * MIB }]);
  expect(reader.facts.details).toMatchObject({ 'logical sector size': 4096 });
});

describe('the check of a VHDX finds', () => {
  test.each<[string, (copy: Buffer) => void, string]>([
    [
      'a damaged region table',
      (copy) => copy.fill(0, 192 * KIB, 256 * KIB),
      'error: the region table does not begin with "regi"',
    ],
    [
      'a damaged copy of it',
      (copy) => copy.fill(1, 300 * KIB, 301 * KIB),
      'error: the copy of the region table has the checksum',
    ],
    [
      'region tables that differ',
      (copy) => {
        const table = copy.subarray(256 * KIB, 320 * KIB);
        table.writeUInt8(1, 1000);
        seal(table);
      },
      'error: the region table differs from its copy',
    ],
    [
      'two blocks in one place',
      setBlock(1, 0x40_0006n),
      'error: block 1 at 4194304 overlaps another structure at 4194304',
    ],
    [
      'a block in the table',
      setBlock(0, 0x30_0006n),
      'error: block 0 at 3145728 overlaps another structure at 3145728',
    ],
    [
      'a block in the log',
      setBlock(0, 0x10_0006n),
      'error: block 0 at 1048576 overlaps another structure',
    ],
    ['a block in the header', setBlock(0, 6n), 'error: block 0 is in the header'],
    [
      'a block past the end',
      setBlock(0, 0x70_0006n),
      'error: block 0 ends at 8388608, the image at 7340032',
    ],
    [
      'a block past the end of any image',
      setBlock(0, 0xffff_ffff_fff0_0006n),
      'error: block 0 ends at 18446744073709552000',
    ],
    [
      'a state that is not known',
      setBlock(0, 0x40_0004n),
      'error: block 0 is in the unknown state 4',
    ],
    [
      'a block that is there in part',
      setBlock(0, 0x40_0007n),
      'error: block 0 is partially present, but the disk has no parent',
    ],
    ['reserved bits', setBlock(0, 0x40_000en), 'error: block 0 has reserved bits set in its entry'],
    [
      'a log past the end',
      (copy) => patchHeader(copy, 1, { logOffset: BigInt(7 * MIB) }),
      'error: the log has 1048576 bytes at 7340032',
    ],
    [
      'a log in the table',
      (copy) => patchHeader(copy, 1, { logOffset: BigInt(TABLE) }),
      'error: the log at 3145728 overlaps another structure',
    ],
  ])('%s', async (_, change, problem) => {
    const problems = await problemsOf(await openImage(vhdx(), changed(change)));
    expect(problems.join('\n')).toContain(problem);
  });

  test('a sector bitmap without a parent', async () => {
    const large = (await writeImage(vhdx(), diskWithBlocks(5 * GIB, [0]))).read(0, 5 * MIB);
    const problems = await problemsOf(
      await openImage(vhdx(), changed(setBlock(4096, 0x40_0006n), large)),
    );
    expect(problems).toEqual([
      'error: the sector bitmap of the blocks from 0 on is in state 6, but the disk has no parent',
    ]);
  });
});

describe('a VHDX cannot be read', () => {
  test.each<[string, (copy: Buffer) => void, string]>([
    ['a block past the end', setBlock(0, 0x70_0006n), 'vhdx: block 0 ends at 8388608'],
    ['a block in the header', setBlock(0, 6n), 'vhdx: block 0 is in the header'],
    [
      'a state that is not known',
      setBlock(0, 0x40_0004n),
      'vhdx: block 0 is in the unknown state 4',
    ],
    [
      'a block that is there in part',
      setBlock(0, 0x40_0007n),
      'vhdx: block 0 is partially present',
    ],
  ])('with %s', async (_, change, message) => {
    await expect(read(changed(change))).rejects.toThrow(message);
  });
});

describe('a VHDX is refused', () => {
  test.each<[string, (copy: Buffer) => void, string]>([
    ['no file identifier', (copy) => copy.fill(0, 0, 8), 'does not begin with "vhdxfile"'],
    [
      'no header',
      (copy) => copy.fill(0, 64 * KIB, 132 * KIB),
      'no header: the first does not begin with "head"',
    ],
    [
      'headers of one number',
      (copy) => patchHeader(copy, 1, { sequenceNumber: 1n, logLength: 0 }),
      'both have the sequence number 1',
    ],
    [
      'version 2',
      (copy) => patchHeader(copy, 1, { version: 2 }),
      'version 2 of the format, only 1 is known',
    ],
    [
      'no region table',
      (copy) => copy.fill(0, 192 * KIB, 260 * KIB),
      'no region table: the first does not begin',
    ],
    [
      'a region table of 2^32 entries',
      (copy) => patchRegions(copy, 0, {}, 2 ** 32 - 1),
      'a region table of 4294967295 entries',
    ],
    [
      'a region that is required and not known',
      (copy) => patchRegions(copy, 0, { guid: new Uint8Array(16).fill(1) }),
      '01010101-0101-0101-0101-010101010101 is required and not known',
    ],
    [
      'the same region twice',
      (copy) => patchRegions(copy, 0, { guid: guidBytes('8b7ca206-4790-4b9a-b8fe-575f050f886e') }),
      'a region is in its table twice',
    ],
    [
      'no metadata',
      (copy) => patchRegions(copy, 0, {}, 1),
      'the region table has no metadata region',
    ],
    [
      'a table at 2^63',
      (copy) => patchRegions(copy, 0, { imageOffset: 2n ** 63n }),
      'more than any image can have',
    ],
    [
      'a table past the end',
      (copy) => patchRegions(copy, 0, { imageOffset: BigInt(7 * MIB) }),
      'the block allocation table ends at 8388608',
    ],
    [
      'a table in the header',
      (copy) => patchRegions(copy, 0, { imageOffset: 0n }),
      'which are not whole MiB after the first',
    ],
    [
      'a table of no whole MiB',
      (copy) => patchRegions(copy, 0, { length: MIB - 1 }),
      'which are not whole MiB',
    ],
    [
      'a table of nothing',
      (copy) => patchRegions(copy, 0, { length: 0 }),
      'has 0 bytes at 3145728',
    ],
    [
      'metadata that are none',
      (copy) => copy.fill(0, METADATA, METADATA + 8),
      'the metadata region does not begin with "metadata"',
    ],
    [
      '65,535 metadata',
      (copy) => copy.writeUInt16LE(65_535, METADATA + 10),
      'a metadata table of 65535 entries',
    ],
    [
      'metadata that are required and not known',
      (copy) => patchMetadata(copy, 2, { itemId: new Uint8Array(16).fill(1) }),
      'is required and not known',
    ],
    [
      'metadata past their region',
      (copy) => patchMetadata(copy, 0, { offset: MIB - 4 }),
      '"file parameters" has 8 bytes at 1048572',
    ],
    [
      'metadata in their table',
      (copy) => patchMetadata(copy, 0, { offset: 0 }),
      '"file parameters" has 8 bytes at 0',
    ],
    [
      'metadata of another length',
      (copy) => patchMetadata(copy, 1, { length: 4 }),
      '"virtual disk size" has 4 bytes',
    ],
    [
      'metadata twice',
      (copy) =>
        patchMetadata(copy, 2, {
          itemId: guidBytes('2fa54224-cd1b-4876-b211-5dbed83bf4b8'),
          offset: 64 * KIB,
          length: 8,
        }),
      '"virtual disk size" is there twice',
    ],
    [
      'no size of the disk',
      (copy) => copy.writeUInt16LE(1, METADATA + 10),
      'there is no metadata item "virtual disk size"',
    ],
    [
      'a disk of no whole sectors',
      (copy) => copy.writeBigUInt64LE(513n, DISK_SIZE),
      'a disk of 513 bytes',
    ],
    [
      'a disk of 2^62',
      (copy) => copy.writeBigUInt64LE(2n ** 62n, DISK_SIZE),
      'more than any image can have',
    ],
    [
      'a disk of more than 64 TiB',
      (copy) => copy.writeBigUInt64LE(2n ** 46n + 512n, DISK_SIZE),
      'up to 64 TiB are expected',
    ],
    [
      'a disk larger than its table',
      (copy) => copy.writeBigUInt64LE(2n ** 46n, DISK_SIZE),
      'a table of 1048576 bytes',
    ],
    ['no disk at all', (copy) => copy.writeBigUInt64LE(0n, DISK_SIZE), 'a disk of 0 bytes'],
    ['blocks of 0 bytes', (copy) => copy.writeUInt32LE(0, BLOCK_SIZE), 'blocks of 0 bytes'],
    [
      'blocks of 3 MiB',
      (copy) => copy.writeUInt32LE(3 * MIB, BLOCK_SIZE),
      'blocks of 3145728 bytes',
    ],
    [
      'blocks of 512 MiB',
      (copy) => copy.writeUInt32LE(512 * MIB, BLOCK_SIZE),
      'blocks of 536870912 bytes',
    ],
    [
      'sectors of 1024 bytes',
      (copy) => copy.writeUInt32LE(1024, SECTOR_SIZE),
      'sectors of 1024 bytes, 512 or 4096',
    ],
    [
      'a parent that it does not name',
      (copy) => copy.writeUInt32LE(2, FLAGS),
      'there is no metadata item "parent locator"',
    ],
  ])('with %s', async (_, change, message) => {
    await expect(openImage(vhdx(), changed(change))).rejects.toThrow(message);
  });

  test.each([0, 7, 519, 64 * KIB, 200 * KIB, 2 * MIB, 3 * MIB + 1])(
    'if it ends at byte %i',
    async (length) => {
      await expect(openImage(vhdx(), image.subarray(0, length))).rejects.toThrow(
        /image ends at|vhdx:/,
      );
    },
  );

  test('to be checked if it is larger than any', async () => {
    const input = { ...inputOf(image), size: 2 ** 49 };
    await expect(problemsOf(await openImage(vhdx(), input))).rejects.toThrow(
      'too large for a check',
    );
  });
});
