// VDIs as others make them, ours with what a reader must stand changed, and those that mean harm.

import { describe, expect, test } from 'vitest';
import { vdi } from '../../formats/index.ts';
import { header } from '../../formats/vdi/layout.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { diskOf, openImage, problemsOf } from '../support/read-image.ts';
import { virtualboxVdi } from '../support/virtualbox.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const MAP = MIB;

// Data in blocks 0, 1 and 5.
const image = (await writeImage(vdi(), diskWithBlocks(6 * MIB - 512, [0, 16, 95]))).bytes;

function changed(change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(image);
  change(copy);
  return copy;
}

const patched = (values: Partial<ReturnType<typeof header.decode>>) =>
  changed((copy) => {
    copy.set(header.encode({ ...header.decode(copy), ...values }));
  });

const withEntry = (block: number, place: number) =>
  changed((copy) => void copy.writeUInt32LE(place, MAP + 4 * block));

async function read(bytes: Buffer): Promise<Buffer> {
  return diskOf(await openImage(vdi(), bytes), bytes);
}

const expected = await read(image);

test('a VDI of ours says what it is', async () => {
  expect((await openImage(vdi(), image)).facts).toEqual({
    format: 'vdi',
    subformat: 'dynamic',
    diskSize: 6 * MIB - 512,
    details: {
      version: '1.1',
      'block size': MIB,
      'blocks in the image': 3,
      'creation UUID': '10111213-1415-4617-b819-1a1b1c1d1e1a',
      'modification UUID': '10111213-1415-4617-b819-1a1b1c1d1e1a',
    },
  });
});

test('a VDI is read from any place on', async () => {
  const reader = await openImage(vdi(), image);
  for (const [from, offsets] of [
    [MIB - 1, [0, 5 * MIB]], // the first two blocks are one extent
    [MIB, [MIB, 5 * MIB]],
    [2 * MIB, [5 * MIB]],
    [6 * MIB - 512, []], // within the last block, past the end of the disk
    [6 * MIB, []],
  ] as const) {
    const found: number[] = [];
    for await (const { diskOffset } of reader.extents(from)) found.push(diskOffset);
    expect(found).toEqual(offsets);
  }
});

describe('a VDI is the same disk', () => {
  test.each<[string, Buffer]>([
    ['whose blocks of zeros were written as such', withEntry(2, 0xffff_fffe)],
    [
      'with a header of version 1.0, without a geometry',
      patched({ version: 0x1_0000, headerSize: 0x180, geometry: new Uint8Array(16) }),
    ],
    ['that ends within its last block, as the disk does', image.subarray(0, -512)],
    ['that is fixed by its type', patched({ type: 2 })],
  ])('%s', async (_, bytes) => {
    expect((await read(bytes)).equals(expected)).toBe(true);
    expect(await problemsOf(await openImage(vdi(), bytes))).toEqual([]);
  });

  test('as VirtualBox writes it, its blocks in the order in which they were first written', async () => {
    const box = virtualboxVdi(expected, [5, 0, 1]);
    expect((await read(box)).equals(expected)).toBe(true);
    const reader = await openImage(vdi(), box);
    expect(reader.facts.details).toMatchObject({
      'creation UUID': '8a5d7bb6-5a27-4f5a-a2c4-6b8f4c5f2d11',
    });
    expect(await problemsOf(reader)).toEqual([]);
  });
});

describe('the check of a VDI finds', () => {
  test.each<[string, Buffer, string]>([
    [
      'a block past the end',
      withEntry(0, 3),
      'error: block 0 ends at 6291456, the image at 5242880',
    ],
    ['a block far past the end', withEntry(0, 0xffff_fff0), 'error: block 0 ends at'],
    [
      'a block that the header does not count',
      patched({ allocatedCount: 2 }),
      'error: block 5 is number 2 in the image, which has 2',
    ],
    [
      'two blocks in one place',
      withEntry(1, 0),
      'error: block 1 is number 0 in the image, and so is another block',
    ],
    [
      'a block that nothing names',
      withEntry(1, 0xffff_ffff),
      'leak: the image has 3 blocks, the map has entries for 2',
    ],
    [
      'a block past the disk',
      patched({ diskSize: BigInt(5 * MIB) }),
      'leak: the map has an entry for block 5, which is past the end of the disk',
    ],
  ])('%s', async (_, bytes, problem) => {
    const found = await problemsOf(await openImage(vdi(), bytes));
    expect(found.join('\n')).toContain(problem);
  });
});

describe('a VDI is refused', () => {
  test.each<[string, Buffer, string]>([
    ['another signature', patched({ signature: 1 }), 'does not begin like a VDI'],
    ['version 0.1', patched({ version: 1 }), 'version 0.1 of the format, only 1 is known'],
    [
      'a header that is too short',
      patched({ headerSize: 0x100 }),
      'a header of 256 bytes, 384 are the least',
    ],
    ['a parent', patched({ type: 4 }), 'a differencing image: merge it with its parent'],
    ['an undo log', patched({ type: 3 }), 'a differencing image: merge it with its parent'],
    ['a type that is not known', patched({ type: 5 }), 'an image of type 5'],
    ['no disk', patched({ diskSize: 0n }), 'a disk of 0 bytes'],
    ['a disk of no whole sectors', patched({ diskSize: 513n }), 'a disk of 513 bytes'],
    ['a disk of 2^63', patched({ diskSize: 2n ** 63n }), 'more than any image can have'],
    [
      'a disk larger than its map',
      patched({ diskSize: BigInt(7 * MIB) }),
      '3 of 6 blocks of 1048576 bytes, of a disk of 7340032',
    ],
    ['blocks of 0 bytes', patched({ blockSize: 0 }), 'blocks of 0 bytes'],
    ['blocks of 3 MiB', patched({ blockSize: 3 * MIB }), 'blocks of 3145728 bytes'],
    ['something before each block', patched({ blockExtra: 512 }), 'and 512 before them'],
    ['2^32 blocks', patched({ blockCount: 2 ** 32 - 1 }), 'a disk of 4294967295 blocks'],
    ['more blocks than the disk', patched({ allocatedCount: 7 }), '7 of 6 blocks'],
    [
      'a map past the end',
      patched({ mapOffset: 5 * MIB, dataOffset: 6 * MIB }),
      'the map ends at 5242904',
    ],
    ['a map in the header', patched({ mapOffset: 0 }), 'the map ends at 24'],
    ['data in the map', patched({ dataOffset: MIB }), 'the data begin at 1048576'],
  ])('with %s', async (_, bytes, message) => {
    await expect(openImage(vdi(), bytes)).rejects.toThrow(message);
  });

  test.each([0, 511, MIB])('if it ends at byte %i', async (length) => {
    await expect(openImage(vdi(), image.subarray(0, length))).rejects.toThrow(/image ends at/);
  });

  test('with a block past the end, once its extents are read', async () => {
    await expect(read(withEntry(0, 3))).rejects.toThrow('vdi: block 0 ends at 6291456');
  });
});
