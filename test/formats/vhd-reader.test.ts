// The reader, with VHDs of other programs and our own.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type ImageInput, vhd, vhdDynamic } from '../../formats/index.ts';
import { checksum, dynamicHeader, footer } from '../../formats/vhd/layout.ts';
import { diskWithBlocks, noise, type TestDisk, writeDisk } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import { run, testWith } from '../support/peers.ts';
import { diskOf, fileInput, openImage, problemsOf } from '../support/read-image.ts';
import { turnsOf } from '../support/turns.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const DISK: TestDisk = {
  name: 'odd end',
  size: 9 * MIB + 3 * 512,
  pieces: [
    { offset: 512, bytes: noise(1024) },
    { offset: 4 * MIB, bytes: noise(3 * MIB, 2) },
    { offset: 9 * MIB + 1024, bytes: noise(512, 3) },
  ],
};
const expected = bytesOfDisk(DISK);

function bytesOfDisk({ size, pieces }: TestDisk): Buffer {
  const disk = Buffer.alloc(size);
  for (const { offset, bytes } of pieces) bytes.copy(disk, offset);
  return disk;
}

describe.each([
  ['fixed', vhd({ align: 'none' })],
  ['dynamic', vhdDynamic()],
])('a %s VHD of ours', async (subformat, format) => {
  const image = (await writeImage(format, DISK)).bytes;

  test.each([vhd(), vhdDynamic()])('gives its disk back to $name', async (reading) => {
    const reader = await openImage(reading, image);
    expect(reader.facts).toMatchObject({ format: 'vhd', subformat, diskSize: DISK.size });
    expect((await diskOf(reader, image)).equals(expected)).toBe(true);
    expect(await problemsOf(reader)).toEqual([]);
  });

  test('is read from any place on', async () => {
    const reader = await openImage(format, image);
    const offsets: number[] = [];
    for await (const { diskOffset } of reader.extents(5 * MIB)) offsets.push(diskOffset);
    expect(offsets).toEqual(subformat === 'fixed' ? [0] : [4 * MIB, 6 * MIB, 8 * MIB]);
  });

  test('without any valid footer is refused', async () => {
    const broken = Buffer.from(image);
    broken.fill(0, broken.length - 512);
    if (subformat === 'fixed') await expect(openImage(format, broken)).rejects.toThrow('no footer');
    else {
      const reader = await openImage(format, broken);
      expect((await diskOf(reader, broken)).equals(expected)).toBe(true);
      expect(await problemsOf(reader)).toEqual([
        'error: the footer in the last sector does not begin with "conectix"',
      ]);
    }
  });
});

describe('a VHD by QEMU', () => {
  const folder = sharedFolder();
  const disk = join(folder, 'disk.raw');
  writeDisk(disk, DISK);

  for (const subformat of ['fixed', 'dynamic']) {
    for (const force of ['off', 'on']) {
      testWith(
        ['qemu-img'],
        `that is ${subformat}, force_size=${force}, gives its disk`,
        async () => {
          const path = join(folder, `${subformat}-${force}.vhd`);
          const options = `subformat=${subformat},force_size=${force}`;
          run('qemu-img', 'convert', '-f', 'raw', '-O', 'vpc', '-o', options, disk, path);
          run('qemu-img', 'convert', '-f', 'vpc', '-O', 'raw', path, `${path}.raw`);
          const reader = await openImage(vhd(), fileInput(path));
          const found = await diskOf(reader, fileInput(path));
          expect(found.equals(readFileSync(`${path}.raw`))).toBe(true);
          expect(found.subarray(0, DISK.size).equals(expected)).toBe(true);
          expect(await problemsOf(reader)).toEqual([]);
        },
      );
    }
  }
});

describe('a dynamic VHD', async () => {
  const HEADER = 512;
  const TABLE = 1536;
  const image = (await writeImage(vhdDynamic(), diskWithBlocks(8 * MIB, [0, 32, 64]))).bytes;
  const blockSector = (index: number) => image.readUInt32BE(TABLE + 4 * index);

  function changed(change: (copy: Buffer) => void): Buffer {
    const copy = Buffer.from(image);
    change(copy);
    return copy;
  }

  /** Changes a struct at a place, and its checksum with it. */
  function patched<V extends { checksum: number }>(
    struct: { size: number; encode(v: V): Uint8Array; decode(b: Uint8Array): V },
    offset: number,
    values: Partial<V>,
    copy: Buffer,
  ): void {
    const found = { ...struct.decode(copy.subarray(offset)), ...values, checksum: 0 };
    copy.set(struct.encode({ ...found, checksum: checksum(struct.encode(found)) }), offset);
  }

  test('has zeros where its bitmap says so, whatever lies there', async () => {
    const marked = changed((copy) => copy.writeUInt8(0b1011_1111, blockSector(0) * 512));
    const disk = await diskOf(await openImage(vhd(), marked), marked);
    expect(disk.subarray(512, 1024).every((byte) => byte === 0)).toBe(true);
    expect(disk.subarray(0, 512).some((byte) => byte !== 0)).toBe(true);
    expect(disk.subarray(1024, 1536).some((byte) => byte !== 0)).toBe(true);
  });

  test('with a footer of 511 bytes, as Virtual PC once wrote it, is read', async () => {
    const old = image.subarray(0, -1);
    const reader = await openImage(vhd(), old);
    expect(await problemsOf(reader)).toEqual([]);
  });

  test.each([
    ['a block past the end', 0, 0x00ff_ffff, /block 0 ends at \d+, the image at/],
    ['a block in the header', 0, 1, /block 0 at 512 overlaps the dynamic disk header/],
    ['two blocks in one place', 1, 4, /the block at 2048 overlaps the one at 2048/],
    ['blocks that overlap', 1, 5, /the block at 2560 overlaps the one at 2048/],
  ])('is reported: %s', async (_, index, sector, problem) => {
    const broken = changed((copy) => copy.writeUInt32BE(sector, TABLE + 4 * index));
    const problems = await problemsOf(await openImage(vhd(), broken));
    expect(problems.join('\n')).toMatch(problem);
  });

  test('of many blocks in a hole is read and checked without a wait for each', async () => {
    const count = 2 ** 16;
    const table = new DataView(new ArrayBuffer(4 * count));
    for (let i = 0; i < count; i++) table.setUint32(4 * i, 2 ** 20 + 2 * i);
    const head = changed((copy) => {
      const size = BigInt(512 * count);
      patched(footer, 0, { currentSize: size, originalSize: size }, copy);
      patched(dynamicHeader, HEADER, { blockSize: 512, maxTableEntries: count }, copy);
    });
    const front = Buffer.concat([head.subarray(0, TABLE), new Uint8Array(table.buffer)]);
    const input: ImageInput = {
      size: 2 ** 40,
      isHole: (at) => at > 2 ** 29,
      read(at, length) {
        const found = Buffer.alloc(length);
        if (at < front.length) front.copy(found, 0, at);
        return Promise.resolve(found);
      },
    };
    const reader = await openImage(vhdDynamic(), input);
    const turns = await turnsOf(async () => {
      for await (const extent of reader.extents()) expect(extent).toBeUndefined();
      expect(await problemsOf(reader)).toHaveLength(1); // there is no footer at the end
    });
    expect(turns).toBeLessThan(1000);
  });

  test('whose block lies past the end cannot be read', async () => {
    const broken = changed((copy) => copy.writeUInt32BE(0x00ff_ffff, TABLE));
    await expect(diskOf(await openImage(vhd(), broken), broken)).rejects.toThrow(
      /^vhd: block 0 ends at/,
    );
  });

  test.each([
    ['blocks of 0 bytes', { blockSize: 0 }, 'blocks of 0 bytes'],
    [
      'a table too short for the disk',
      { maxTableEntries: 3 },
      'the block allocation table has 3 entries',
    ],
    [
      'a table of 2^32 blocks',
      { maxTableEntries: 2 ** 32 - 1 },
      'the block allocation table has 4294967295 entries',
    ],
    ['a table past the end', { tableOffset: 2n ** 40n }, 'the block allocation table ends at'],
    ['a table at 2^63', { tableOffset: 2n ** 63n }, 'more than any image can have'],
  ])('with %s is refused', async (_, values, message) => {
    const broken = changed((copy) => patched(dynamicHeader, HEADER, values, copy));
    await expect(openImage(vhd(), broken)).rejects.toThrow(message);
  });

  test('whose two footers differ is reported', async () => {
    const broken = changed((copy) => patched(footer, 0, { timeStamp: 1 }, copy));
    expect(await problemsOf(await openImage(vhd(), broken))).toEqual([
      'error: the footer differs from its copy in the first sector',
    ]);
  });

  test('that is differencing names its parent, and gives its own sectors', async () => {
    const parentUnicodeName = new Uint8Array(512);
    parentUnicodeName.set(Buffer.from('base.vhd', 'utf16le').swap16());
    const child = changed((copy) => {
      patched(dynamicHeader, HEADER, { parentUnicodeName }, copy);
      for (const at of [0, copy.length - 512]) patched(footer, at, { diskType: 4 }, copy);
    });
    const reader = await openImage(vhd(), child);
    expect(reader.facts).toMatchObject({
      subformat: 'differencing',
      backing: { file: 'base.vhd', id: '00000000-0000-0000-0000-000000000000' },
    });
    const offsets: number[] = [];
    for await (const { diskOffset } of reader.extents()) offsets.push(diskOffset);
    expect(offsets).toEqual([0, 2 * MIB, 4 * MIB]);
  });
});

describe('a fixed VHD', () => {
  test('is the disk however its guest writes a footer into its first sector', async () => {
    const image = (await writeImage(vhd(), diskWithBlocks(MIB, [0]))).bytes;
    const guest = (await writeImage(vhdDynamic(), diskWithBlocks(MIB, []))).read(0, 512);
    guest.copy(image);
    const reader = await openImage(vhd(), image);
    expect(reader.facts.subformat).toBe('fixed');
    expect((await diskOf(reader, image)).subarray(0, 512).equals(guest)).toBe(true);
  });

  test('that is shorter than its disk is refused', async () => {
    const image = (await writeImage(vhd(), diskWithBlocks(MIB, [0]))).bytes;
    await expect(openImage(vhd(), image.subarray(512))).rejects.toThrow('the disk has 1048576');
  });
});
