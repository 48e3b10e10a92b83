import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BLOCK_SIZE, FORMATS, raw, vhd, vhdDynamic } from '../../formats/index.ts';
import { geometry } from '../../formats/vhd/geometry.ts';
import { diskOf, hex, imageOf, type TestDisk } from '../sparse-image.ts';
import { has, output, run } from '../vhd-peers.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

// Debian's build of libvhdi for Python belongs to Debian's Python.
const PYTHON = '/usr/bin/python3';
const PYVHDI_CAT = `
import sys, pyvhdi
image = pyvhdi.file()
image.open(sys.argv[1])
while data := image.read(1 << 20):
    sys.stdout.buffer.write(data)
`;

const DISKS: Record<string, TestDisk> = {
  'one sector': diskOf(512, [0]),
  'one MiB': diskOf(MIB, [0, 3, 15]),
  'one MiB and a sector': diskOf(MIB + 512, [0, 16]),
  'three MiB and an odd tail': diskOf(3 * MIB + 5 * 512, [1, 47, 48]),
  'all zeros': diskOf(5 * MIB, []),
  'data in every other block': diskOf(
    64 * MIB,
    Array.from({ length: 512 }, (_, i) => 2 * i),
  ),
  'data around the edges of a VHD block': diskOf(8 * MIB, [31, 32, 95, 96, 127]),
  'five GiB with little in it': diskOf(5 * GIB, [0, 40_000, 5 * 16_384 - 1]),
  'the largest, 2040 GiB': diskOf(2040 * GIB, [0, 2040 * 16_384 - 1]),
};

describe('a fixed VHD', () => {
  const { size } = DISKS['one MiB']!;
  const image = imageOf(vhd(), DISKS['one MiB']!);

  test('is the disk and one sector more', () => {
    expect(image.position).toBe(size + 512);
    const disk = imageOf(raw(), DISKS['one MiB']!).read(0, size);
    expect(Buffer.compare(image.read(0, size), disk)).toBe(0);
  });

  test('ends with this footer', () => {
    expect(hex(image.read(size, 512))).toEqual([
      '0000: 636f6e65637469780000000200010000',
      '0010: ffffffffffffffff2d732e4077696e20',
      '0020: 000a00005769326b0000000000100000',
      '0030: 0000000000100000001e041100000002',
      '0040: ffffe5f7a0a1a2a3a4a5a6a7a8a9aaab',
      '0050: acadaeaf000000000000000000000000',
    ]);
  });

  test('takes no space for zeros', () => {
    expect(imageOf(vhd(), diskOf(5 * GIB, [])).written).toBe(512);
  });

  test('is the same whether the size of the disk was known beforehand or not', () => {
    expect(imageOf(vhd(), DISKS['one MiB']!, false)).toEqual(image);
  });

  test('has whole MiB, unless asked otherwise', () => {
    expect(vhd().sizeMultiple).toBe(MIB);
    expect(vhd({ align: 'none' }).sizeMultiple).toBe(512);
  });

  test('cannot be told by its head', () => {
    expect(vhd().matches(image.read(0, 512))).toBe(false);
  });
});

describe('a dynamic VHD', () => {
  const disk = DISKS['data around the edges of a VHD block']!;
  const image = imageOf(vhdDynamic(), disk);

  test('begins with its footer and this header', () => {
    const head = image.read(0, 1536);
    expect(head.subarray(0, 512)).toEqual(image.read(image.position - 512, 512));
    expect(hex(head)).toEqual([
      '0000: 636f6e65637469780000000200010000',
      '0010: 00000000000002002d732e4077696e20',
      '0020: 000a00005769326b0000000000800000',
      '0030: 000000000080000000f0041100000003',
      '0040: ffffec3aa0a1a2a3a4a5a6a7a8a9aaab',
      '0050: acadaeaf000000000000000000000000',
      '0200: 6378737061727365ffffffffffffffff',
      '0210: 00000000000006000001000000000004',
      '0220: 00200000fffff4730000000000000000',
    ]);
  });

  test('has a table that names the first sector of each block, in whole sectors', () => {
    expect(hex(image.read(1536, 512)).slice(0, 2)).toEqual([
      '0000: 00000004000010050000200600003007',
      '0010: ffffffffffffffffffffffffffffffff',
    ]);
  });

  test('takes no space for a block of zeros', () => {
    expect(imageOf(vhdDynamic(), diskOf(5 * GIB, [])).position).toBe(1536 + 10_240 + 512);
  });

  test('holds whole blocks, also the one in which the disk ends', () => {
    const odd = imageOf(vhdDynamic(), diskOf(512, [0]));
    expect(odd.position).toBe(1536 + 512 + 512 + 2 * MIB + 512);
  });

  test('writes no zeros inside a block', () => {
    const one = imageOf(vhdDynamic(), diskOf(8 * MIB, [5]));
    expect(one.written).toBe(1536 + 512 + 512 + BLOCK_SIZE + 512);
  });

  test('is told by its head', () => {
    expect(vhdDynamic().matches(image.read(0, 512))).toBe(true);
    expect(vhdDynamic().matches(new Uint8Array(512))).toBe(false);
    expect(vhdDynamic().matches(new Uint8Array(8))).toBe(false);
  });
});

test('the registry has both by their names', () => {
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

describe('other programs read', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kexport-vhd-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const cases = Object.entries(DISKS).flatMap(([name, disk]) => [
    { what: `fixed VHD: ${name}`, format: vhd({ align: 'none' }), disk, sizeKnown: true },
    { what: `dynamic VHD: ${name}`, format: vhdDynamic(), disk, sizeKnown: true },
    { what: `dynamic VHD of a pipe: ${name}`, format: vhdDynamic(), disk, sizeKnown: false },
  ]);
  // Vitest shortens and quotes what it takes from an object.
  const named = (items: typeof cases) => items.map((item) => [item.what, item] as const);
  const small = cases.filter(({ disk }) => disk.size <= 64 * MIB);

  function save({ format, disk, sizeKnown }: (typeof cases)[number]): {
    image: string;
    disk: string;
  } {
    const paths = {
      image: join(folder, `image.${format.extension}`),
      disk: join(folder, 'disk.raw'),
    };
    imageOf(format, disk, sizeKnown).save(paths.image);
    imageOf(raw(), disk).save(paths.disk);
    return paths;
  }

  describe.skipIf(!has('qemu-img'))('qemu-img', () => {
    test.each(named(cases))('%s', (_, item) => {
      const { image, disk } = save(item);
      const info = JSON.parse(run('qemu-img', 'info', '--output=json', '-f', 'vpc', image)) as {
        'virtual-size': number;
      };
      expect(info['virtual-size']).toBe(item.disk.size);
      const compared = run('qemu-img', 'compare', '-f', 'raw', '-F', 'vpc', disk, image);
      expect(compared).toBe('Images are identical.\n');
    });
  });

  describe.skipIf(!has('7zz'))('7-Zip', () => {
    test.each(named(small))('%s', (_, item) => {
      const { image, disk } = save(item);
      expect(output('7zz', 'x', '-so', '-tvhd', image).equals(readFileSync(disk))).toBe(true);
    });
  });

  describe.skipIf(!has('vhdiinfo'))('libvhdi', () => {
    test.each(named(small))('%s', (_, item) => {
      const { image, disk } = save(item);
      expect(output(PYTHON, '-c', PYVHDI_CAT, image).equals(readFileSync(disk))).toBe(true);
    });

    test.each(named(cases))('%s, its size and identity', (_, item) => {
      const { image } = save(item);
      const info = run('vhdiinfo', image);
      expect(info).toContain(`(${item.disk.size} bytes)`);
      expect(info).toContain('a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf');
    });
  });
});
