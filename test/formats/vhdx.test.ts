import { describe, expect, test } from 'vitest';
import { BLOCK_SIZE, vhdx } from '../../formats/index.ts';
import { crc32c } from '../../formats/crc32c.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { hexLines } from '../support/hex-lines.ts';
import { openImage } from '../support/read-image.ts';
import { writeImage } from '../support/write-image.ts';

const KIB = 2 ** 10;
const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;
const TABLE = 3 * MIB; // where it is when the size of the disk is known

test('CRC-32C is that of RFC 3720', () => {
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe306_9283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a91_36aa);
  expect(crc32c(new Uint8Array(32).fill(0xff))).toBe(0x62a8_ab43);
});

describe('a dynamic VHDX', async () => {
  // Data in the first, second and last block of 1 MiB.
  const image = await writeImage(vhdx(), diskWithBlocks(6 * MIB, [1, 16, 95]));

  test('begins with its file identifier', () => {
    expect(hexLines(image.read(0, 64 * KIB))).toEqual([
      '0000: 7668647866696c656b00650078007000', // vhdxfile, kexport
      '0010: 6f007200740000000000000000000000',
    ]);
  });

  test('has two headers, the second the newer one, and no log to replay', () => {
    expect(hexLines(image.read(64 * KIB, 128 * KIB))).toEqual([
      '0000: 686561644ae53c400100000000000000', // head, checksum, sequence number
      '0010: 1312111015141746b8191a1b1c1d1e1b', // of the file's state
      '0020: 1312111015141746b8191a1b1c1d1e1b', // of the disk's state
      '0040: 00000100000010000000100000000000', // versions, log of 1 MiB at 1 MiB
    ]);
    expect(hexLines(image.read(128 * KIB, 192 * KIB))).toEqual([
      '0000: 686561642237d9c20200000000000000',
      '0010: 1312111015141746b8191a1b1c1d1e1b',
      '0020: 1312111015141746b8191a1b1c1d1e1b',
      '0040: 00000100000010000000100000000000',
    ]);
    expect(hexLines(image.read(MIB, 2 * MIB))).toEqual([]);
  });

  test('has two region tables that are the same, and requires both regions', () => {
    const [table, copy] = [192, 256].map((at) => hexLines(image.read(at * KIB, (at + 64) * KIB)));
    expect(table).toEqual([
      '0000: 72656769ae8c6bc60200000000000000', // regi, checksum, entries
      '0010: 6677c22d23f600429d64115e9bfd4a08', // block allocation table
      '0020: 00003000000000000000100001000000', // 1 MiB at 3 MiB
      '0030: 06a27c8b90479a4bb8fe575f050f886e', // metadata
      '0040: 00002000000000000000100001000000', // 1 MiB at 2 MiB
    ]);
    expect(copy).toEqual(table);
  });

  test('has the metadata that every reader requires', () => {
    expect(hexLines(image.read(2 * MIB, 3 * MIB))).toEqual([
      '0000: 6d657461646174610000050000000000',
      '0020: 3767a1ca36fa434db3b633f0aa44e76b', // file parameters
      '0030: 00000100080000000400000000000000',
      '0040: 2442a52f1bcd7648b2115dbed83bf4b8', // virtual disk size
      '0050: 08000100080000000600000000000000',
      '0060: ab12cabee6b2234593efc309e000c746', // virtual disk ID
      '0070: 10000100100000000600000000000000',
      '0080: 1dbf41816fa90947ba47f233a8faab5f', // logical sector size
      '0090: 20000100040000000600000000000000',
      '00a0: c748a3cd5d4471449cc9e9885251c556', // physical sector size
      '00b0: 24000100040000000600000000000000',
      '10000: 00001000000000000000600000000000', // blocks of 1 MiB, dynamic; 6 MiB
      '10010: 1312111015141746b8191a1b1c1d1e1b',
      '10020: 00020000001000000000000000000000', // 512, 4096
    ]);
  });

  test('has a table that names the blocks with data, and calls the others zeros', () => {
    expect(hexLines(image.read(TABLE, TABLE + MIB))).toEqual([
      '0000: 06004000000000000600500000000000',
      '0010: 02000000000000000200000000000000',
      '0020: 02000000000000000600600000000000',
    ]);
    expect(image.position).toBe(7 * MIB);
  });

  test('writes no zeros inside a block, and none for an empty disk', async () => {
    const empty = await writeImage(vhdx(), diskWithBlocks(6 * MIB, []));
    expect(empty.position).toBe(4 * MIB);
    expect(image.written - empty.written).toBe(3 * BLOCK_SIZE);
  });

  test('has an entry for a sector bitmap after each 4 GiB of blocks, which is zero', async () => {
    const large = await writeImage(vhdx(), diskWithBlocks(5 * GIB, [65_535, 65_536]));
    const entries = large.read(TABLE + 4095 * 8, TABLE + 4098 * 8);
    expect(hexLines(entries)).toEqual([
      '0000: 06004000000000000000000000000000',
      '0010: 0600500000000000',
    ]);
  });

  test('has a table of whole MiB before its blocks, however large the disk', async () => {
    for (const [size, tableMib] of [
      [127 * GIB, 1],
      [128 * GIB, 2], // with its 32 entries for sector bitmaps more than a MiB
      [3 * TIB, 25],
    ] as const) {
      const large = await writeImage(vhdx(), diskWithBlocks(size, [0]));
      expect(large.read(TABLE, TABLE + 8).readBigUInt64LE()).toBe(
        BigInt((3 + tableMib) * MIB) | 6n,
      );
    }
  });

  test('has its table after the blocks if the size of the disk comes last', async () => {
    const late = await writeImage(vhdx(), diskWithBlocks(6 * MIB, [1, 16, 95]), {
      sizeKnown: false,
    });
    expect(hexLines(late.read(192 * KIB, 256 * KIB))[2]).toBe(
      '0020: 00006000000000000000100001000000',
    );
    expect(hexLines(late.read(6 * MIB, 7 * MIB))[0]).toBe('0000: 06003000000000000600400000000000');
    expect(late.position).toBe(7 * MIB);
  });

  test('has the same entries after the blocks, in every chunk', async () => {
    const blocks = [0, 65_535, 65_536, 3 * 65_536 + 16]; // none in the third chunk
    const disk = diskWithBlocks(13 * GIB, blocks);
    const known = await writeImage(vhdx(), disk);
    const late = await writeImage(vhdx(), disk, { sizeKnown: false });
    const entries = (image: typeof known, offset: number) => {
      const table = new BigUint64Array(new Uint8Array(image.read(offset, offset + MIB)).buffer);
      // Offsets from the first block's.
      return [...table].map((entry) => (entry >= MIB ? entry - table[0]! : entry));
    };
    expect(entries(late, 7 * MIB)).toEqual(entries(known, TABLE));
  });

  test('is recognized by its head', () => {
    expect(vhdx().matches(image.read(0, 512))).toBe(true);
    expect(vhdx().matches(new Uint8Array(512))).toBe(false);
    expect(vhdx().matches(new Uint8Array(4))).toBe(false);
  });
});

describe('a fixed VHDX', () => {
  const disk = diskWithBlocks(6 * MIB, [1, 95]);
  const fixed = vhdx({ fixed: true });

  test('names every block, one after the other, and says that they stay', async () => {
    const image = await writeImage(fixed, disk);
    expect(hexLines(image.read(TABLE, TABLE + MIB))).toEqual([
      '0000: 06004000000000000600500000000000',
      '0010: 06006000000000000600700000000000',
      '0020: 06008000000000000600900000000000',
    ]);
    expect(image.position).toBe(10 * MIB);
    expect((await openImage(fixed, image.bytes)).facts.subformat).toBe('fixed');
  });

  test('has an entry for a sector bitmap after each 4 GiB of blocks, which is zero', async () => {
    const image = await writeImage(fixed, diskWithBlocks(9 * GIB, [0]));
    const entryAt = (index: number) =>
      image.read(TABLE + index * 8, TABLE + index * 8 + 8).readBigUInt64LE();
    for (const block of [0, 4095, 4096, 8191, 8192, 9215]) {
      const index = block + Math.floor(block / 4096);
      expect(entryAt(index)).toBe(BigInt((4 + block) * MIB) | 6n);
    }
    expect([4096, 8193, 9218].map(entryAt)).toEqual([0n, 0n, 0n]); // the last is past the disk
  });

  test('streams if the size of the disk is known', async () => {
    expect(fixed.streaming).toBe('size-first');
    expect((await writeImage(fixed, disk)).patches).toBe(0);
  });

  test('is the same disk if it is not', async () => {
    const late = await writeImage(fixed, disk, { sizeKnown: false });
    expect(late.patches).toBeGreaterThan(0);
    const known = await writeImage(fixed, disk);
    expect(late.read(3 * MIB, 9 * MIB).equals(known.read(4 * MIB, 10 * MIB))).toBe(true);
  });
});
