import { describe, expect, test } from 'vitest';
import { BLOCK_SIZE, FORMATS, raw, vhd, vhdDynamic } from '../../formats/index.ts';
import { geometry } from '../../formats/vhd/geometry.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { hexLines } from '../support/hex-lines.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

describe('a fixed VHD', async () => {
  const disk = diskWithBlocks(MIB, [0, 3, 15]);
  const { size } = disk;
  const image = await writeImage(vhd(), disk);

  test('is the disk and one sector more', async () => {
    expect(image.position).toBe(size + 512);
    expect(Buffer.compare(image.read(0, size), (await writeImage(raw(), disk)).bytes)).toBe(0);
  });

  test('ends with this footer', () => {
    expect(hexLines(image.read(size, size + 512))).toEqual([
      '0000: 636f6e65637469780000000200010000',
      '0010: ffffffffffffffff2d732e4077696e20',
      '0020: 000a00005769326b0000000000100000',
      '0030: 0000000000100000001e041100000002',
      '0040: ffffee281011121314154617b8191a1b',
      '0050: 1c1d1e1e000000000000000000000000',
    ]);
  });

  test('takes no space for zeros', async () => {
    expect((await writeImage(vhd(), diskWithBlocks(5 * GIB, []))).written).toBe(512);
  });

  test('is the same whether the size of the disk was known beforehand or not', async () => {
    const late = await writeImage(vhd(), disk, { sizeKnown: false });
    expect(late.bytes.equals(image.bytes)).toBe(true);
  });

  test('has whole MiB, unless asked otherwise', () => {
    expect(vhd().sizeMultiple).toBe(MIB);
    expect(vhd({ align: 'none' }).sizeMultiple).toBe(512);
  });

  test('cannot be recognized by its head', () => {
    expect(vhd().matches(image.read(0, 512))).toBe(false);
  });
});

describe('a dynamic VHD', async () => {
  const image = await writeImage(vhdDynamic(), diskWithBlocks(8 * MIB, [31, 32, 95, 96, 127]));

  test('begins with its footer and this header', () => {
    const head = image.read(0, 1536);
    expect(head.subarray(0, 512)).toEqual(image.read(image.position - 512, image.position));
    expect(hexLines(head)).toEqual([
      '0000: 636f6e65637469780000000200010000',
      '0010: 00000000000002002d732e4077696e20',
      '0020: 000a00005769326b0000000000800000',
      '0030: 000000000080000000f0041100000003',
      '0040: fffff46c1011121314154617b8191a1b',
      '0050: 1c1d1e1d000000000000000000000000',
      '0200: 6378737061727365ffffffffffffffff',
      '0210: 00000000000006000001000000000004',
      '0220: 00200000fffff4730000000000000000',
    ]);
  });

  test('has a table that names the first sector of each block, in whole sectors', () => {
    expect(hexLines(image.read(1536, 2048)).slice(0, 2)).toEqual([
      '0000: 00000004000010050000200600003007',
      '0010: ffffffffffffffffffffffffffffffff',
    ]);
  });

  test('takes no space for a block of zeros', async () => {
    expect((await writeImage(vhdDynamic(), diskWithBlocks(5 * GIB, []))).position).toBe(
      1536 + 10_240 + 512,
    );
  });

  test('holds whole blocks, also the one in which the disk ends', async () => {
    const odd = await writeImage(vhdDynamic(), diskWithBlocks(512, [0]));
    expect(odd.position).toBe(1536 + 512 + 512 + 2 * MIB + 512);
  });

  test('writes no zeros inside a block', async () => {
    const one = await writeImage(vhdDynamic(), diskWithBlocks(8 * MIB, [5]));
    expect(one.written).toBe(1536 + 512 + 512 + BLOCK_SIZE + 512);
  });

  test('is recognized by its head', () => {
    expect(vhdDynamic().matches(image.read(0, 512))).toBe(true);
    expect(vhdDynamic().matches(new Uint8Array(512))).toBe(false);
    expect(vhdDynamic().matches(new Uint8Array(8))).toBe(false);
  });
});

test('both VHDs are in the registry by their names', () => {
  for (const [name, create] of Object.entries(FORMATS)) expect(create().name).toBe(name);
  expect(Object.keys(FORMATS)).toEqual(expect.arrayContaining(['vhd', 'vhd-dynamic']));
});

test.each([
  [512, 0, 4, 17],
  [40 * MIB, 963, 5, 17],
  [230 * MIB, 949, 16, 31],
  [250 * MIB, 507, 16, 63],
  [127 * GIB, 65_278, 16, 255],
  [2040 * GIB, 65_535, 16, 255],
])('a disk of %i bytes has the geometry %i/%i/%i', (size, cylinders, heads, sectorsPerTrack) => {
  expect(geometry(size)).toEqual({ cylinders, heads, sectorsPerTrack });
});
