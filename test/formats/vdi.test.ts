import { describe, expect, test } from 'vitest';
import { BLOCK_SIZE, vdi } from '../../formats/index.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { hexLines } from '../support/hex-lines.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

describe('a VDI', async () => {
  const disk = diskWithBlocks(6 * MIB - 512, [1, 16, 95]); // in its first, second and last block
  const image = await writeImage(vdi(), disk);

  test('has the header that VirtualBox writes, with its two UUIDs', () => {
    expect(hexLines(image.read(0, MIB))).toEqual([
      '0000: 3c3c3c204f7261636c6520564d205669', // <<< Oracle VM VirtualBox Disk Image >>>
      '0010: 727475616c426f78204469736b20496d',
      '0020: 616765203e3e3e0a0000000000000000',
      '0040: 7f10dabe010001009001000001000000', // signature, 1.1, bytes from here on, dynamic
      '0150: 00000000000010000000200000000000', // map at 1 MiB, data at 2 MiB
      '0160: 00000000000000000002000000000000', // sectors of 512
      '0170: 00fe5f00000000000000100000000000', // size of the disk, blocks of 1 MiB
      '0180: 06000000030000001312111015141746', // 6 blocks, 3 of them here; created
      '0190: b8191a1b1c1d1e1a1312111015141746', // modified
      '01a0: b8191a1b1c1d1e1a0000000000000000', // no parent
      '01d0: 00000000000200000000000000000000', // sectors of 512
    ]);
  });

  test('has a map that numbers the blocks with data, and calls the others free', () => {
    expect(hexLines(image.read(MIB, 2 * MIB))).toEqual([
      '0000: 0000000001000000ffffffffffffffff',
      '0010: ffffffff020000000000000000000000',
    ]);
    expect(image.position).toBe(5 * MIB);
  });

  test('writes no zeros inside a block, and none for an empty disk', async () => {
    const empty = await writeImage(vdi(), diskWithBlocks(6 * MIB - 512, []));
    expect(empty.position).toBe(2 * MIB);
    expect(image.written - empty.written).toBe(3 * BLOCK_SIZE);
  });

  test('has a map of whole MiB before its blocks, however large the disk', async () => {
    for (const [size, dataOffset] of [
      [256 * GIB, 2 * MIB],
      [256 * GIB + 512, 3 * MIB],
      [3 * 1024 * GIB, 13 * MIB],
    ] as const) {
      const large = await writeImage(vdi(), diskWithBlocks(size, [0]));
      expect(large.read(0, 512).readUInt32LE(344)).toBe(dataOffset);
      expect(large.position).toBe(dataOffset + MIB);
    }
  });

  test('is recognized by its head', () => {
    expect(vdi().matches(image.read(0, 512))).toBe(true);
    expect(vdi().matches(new Uint8Array(512))).toBe(false);
    expect(vdi().matches(new Uint8Array(64))).toBe(false);
  });
});
