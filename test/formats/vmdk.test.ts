import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { FormatError, vmdk } from '../../formats/index.ts';
import {
  blockOf,
  GRAIN,
  type Grains,
  IDENTITY,
  lookUp,
  memoryOutput,
  walk,
  writeVmdk,
} from './vmdk-image.ts';
import { inspect } from './vmdk-inspector.ts';

const MIB = 2 ** 20;

/** Grains of a byte each, every `step`th. */
function every(step: number, first: number, end: number): Grains {
  const grains = new Map<number, Uint8Array>();
  for (let i = first; i < end; i += step) grains.set(i, Buffer.alloc(GRAIN, 1 + (i % 255)));
  return grains;
}

const DISKS: [name: string, diskSize: number, grains: Grains][] = [
  ['one grain', GRAIN, every(1, 0, 1)],
  ['one grain and a sector', GRAIN + 512, every(1, 0, 2)],
  ['one full table', 32 * MIB, every(1, 0, 512)],
  ['one full table and a grain', 32 * MIB + GRAIN, every(1, 0, 513)],
  ['every other grain', 64 * MIB, every(2, 0, 1024)],
  ['the first and last grain of each table', 96 * MIB, every(511, 0, 1536)],
  ['only zeros', 64 * MIB, new Map()],
  ['first and last grain, tables of zeros between', 5120 * MIB, every(81_919, 0, 81_920)],
  ['random bytes', 4 * GRAIN, new Map([0, 1, 2, 3].map((i) => [i, randomBytes(GRAIN)]))],
];

describe.each(DISKS)('a disk with %s', (_name, diskSize, grains) => {
  const { image, patches } = writeVmdk(grains, diskSize);
  const walked = walk(image);

  test('has nothing but its grains, in order, between markers', () => {
    expect([...walked.grains.keys()]).toEqual([...grains.keys()]);
    for (const [index, bytes] of grains) expect(walked.grains.get(index)?.equals(bytes)).toBe(true);
  });

  test('is found through the directory and tables as it lies in the stream', () => {
    expect(lookUp(image, walked.directorySector)).toEqual(walked.grainSectors);
  });

  test('has a table for each 32 MiB with data, and no other', () => {
    const withData = new Set([...grains.keys()].map((index) => Math.floor(index / 512)));
    const gd = image.subarray(walked.directorySector * 512);
    const entries = Array.from({ length: Math.ceil(diskSize / (32 * MIB)) }, (_, i) =>
      gd.readUInt32LE(i * 4),
    );
    expect(entries.filter(Boolean)).toEqual(walked.tableSectors);
    expect(new Set(entries.flatMap((entry, i) => (entry ? [i] : [])))).toEqual(withData);
  });

  test('ends with the header again, telling where the directory is', () => {
    const footer = Buffer.from(image.subarray(-1024, -512));
    expect(footer.readBigUInt64LE(56)).toBe(BigInt(walked.directorySector));
    footer.writeBigUInt64LE(2n ** 64n - 1n, 56);
    expect(footer.equals(image.subarray(0, 512))).toBe(true);
  });

  test('is a whole number of grains', () => {
    expect(Number(image.readBigUInt64LE(12)) * 512).toBe(Math.ceil(diskSize / GRAIN) * GRAIN);
  });

  test('is never patched if its size is known, and the same if it is not', () => {
    const late = writeVmdk(grains, diskSize, { sizeFirst: false });
    expect(patches).toBe(0);
    expect(late.image.equals(image)).toBe(true);
  });

  test('has nothing that oslo.utils refuses', () => {
    expect(inspect(image)).toEqual([]);
  });
});

test('a gap of zeros takes no space in the image', () => {
  const dense = writeVmdk(every(1, 0, 2), 32 * MIB).image;
  const apart = writeVmdk(every(500, 0, 501), 32 * MIB).image;
  expect(apart.length).toBe(dense.length);
});

test('a block that grows is stored compressed all the same', () => {
  const { image } = writeVmdk(new Map([[0, randomBytes(GRAIN)]]), GRAIN);
  expect(image.readUInt32LE(128 * 512 + 8)).toBeGreaterThan(GRAIN);
  expect(walk(image).grains.size).toBe(1);
});

function start() {
  const format = vmdk();
  const output = memoryOutput();
  const encoding = format.encoding({ level: 6 });
  const disk = { ...IDENTITY, size: 64 * MIB };
  const hasher = () => expect.fail('nothing to hash');
  return { output, writer: format.write({ disk, encoding, output, hasher }) };
}

test('no sector of zeros, which would end the stream, follows a grain that fills its last one', () => {
  const { output, writer } = start();
  writer.add(blockOf(0, new Uint8Array(GRAIN), new Uint8Array(2 * 512 - 12)));
  expect(output.position).toBe((128 + 2) * 512);
});

describe('the writer refuses', () => {
  const bytes = Buffer.alloc(GRAIN, 1);

  test('a grain that is longer than readers take', () => {
    const { writer } = start();
    writer.add(blockOf(0, bytes, new Uint8Array(66_036)));
    expect(() => writer.add(blockOf(1, bytes, new Uint8Array(66_037)))).toThrow(FormatError);
  });

  test('to go on behind the last sector that a table can name', () => {
    const { output, writer } = start();
    output.position = 2 ** 41 - 512;
    writer.add(blockOf(0, bytes));
    expect(() => writer.add(blockOf(1, bytes))).toThrow(/past 2 TiB/);
    expect(() => writer.finish(64 * MIB)).toThrow(FormatError);
  });

  test.each(['a/b', 'ä', 'a"b', 'a\nb', '', 'x'.repeat(400)])('the name "%s" at once', (name) => {
    const format = vmdk();
    const encoding = format.encoding({ level: 6 });
    const disk = { ...IDENTITY, name, size: undefined };
    const hasher = () => expect.fail('nothing to hash');
    const write = () => format.write({ disk, encoding, output: memoryOutput(), hasher });
    expect(write).toThrow(FormatError);
  });

  test('a disk of another size than was announced', () => {
    expect(() => start().writer.finish(MIB)).toThrow(/announced/);
  });
});

test('an image is known by its first four bytes', () => {
  const { image } = writeVmdk(new Map(), MIB);
  expect(vmdk().matches(image.subarray(0, 512))).toBe(true);
  expect(vmdk().matches(Buffer.from('KDMV'))).toBe(true);
  expect(vmdk().matches(Buffer.from('VMDK'))).toBe(false);
  expect(vmdk().matches(Buffer.from('KD'))).toBe(false);
});
