import { describe, expect, test } from 'vitest';
import { type AdapterType, type Disk, FormatError, vmdk } from '../../formats/index.ts';
import { diskWithBlocks, noise, type TestDisk } from '../support/disks.ts';
import { MemoryImage } from '../support/memory-image.ts';
import { blockOf, blocksOf, requestOf, writeImage } from '../support/write-image.ts';
import { inspect } from './vmdk-inspector.ts';
import { every, GRAIN, isZero, lookUp, walk } from './vmdk-walker.ts';

const MIB = 2 ** 20;
const ZEROS = new Uint8Array(GRAIN);

const DISKS: TestDisk[] = [
  diskWithBlocks(GRAIN, [0], 'one grain'),
  diskWithBlocks(GRAIN + 512, [0, 1], 'one grain and a sector'),
  diskWithBlocks(32 * MIB, every(1, 0, 512), 'one full table'),
  diskWithBlocks(32 * MIB + GRAIN, every(1, 0, 513), 'one full table and a grain'),
  diskWithBlocks(64 * MIB, every(2, 0, 1024), 'every other grain'),
  diskWithBlocks(96 * MIB, every(511, 0, 1536), 'the first and last grain of each table'),
  diskWithBlocks(64 * MIB, [], 'only zeros'),
  diskWithBlocks(5120 * MIB, [0, 81_919], 'first and last grain, tables of zeros between'),
  { name: 'noise', size: 4 * GRAIN, pieces: [{ offset: 0, bytes: noise(4 * GRAIN) }] },
];

describe.each(DISKS)('a VMDK of a disk with $name', async (disk) => {
  const written = await writeImage(vmdk(), disk);
  const image = written.bytes;
  const grains = new Map(Array.from(blocksOf(disk), ({ index, bytes }) => [index, bytes]));
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
    const entries = Array.from({ length: Math.ceil(disk.size / (32 * MIB)) }, (_, i) =>
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
    expect(Number(image.readBigUInt64LE(12)) * 512).toBe(Math.ceil(disk.size / GRAIN) * GRAIN);
  });

  test('is never patched if its size is known, and the same if it is not', async () => {
    const late = await writeImage(vmdk(), disk, { sizeKnown: false });
    expect(written.patches).toBe(0);
    expect(late.bytes.equals(image)).toBe(true);
  });

  test('has nothing that oslo.utils refuses', () => {
    expect(inspect(image)).toEqual([]);
  });
});

test('a gap of zeros takes no space in the image', async () => {
  // Of the same bytes, as their streams would else differ in length.
  const grain = Buffer.alloc(GRAIN, 'grain');
  const sizeOf = async (indexes: readonly number[]) => {
    const pieces = indexes.map((index) => ({ offset: index * GRAIN, bytes: grain }));
    return (await writeImage(vmdk(), { name: '', size: 32 * MIB, pieces })).position;
  };
  expect(await sizeOf([0, 500])).toBe(await sizeOf([0, 1]));
});

test('a block that grows is still stored compressed', async () => {
  const disk = { name: '', size: GRAIN, pieces: [{ offset: 0, bytes: noise(GRAIN) }] };
  const image = (await writeImage(vmdk(), disk)).bytes;
  expect(image.readUInt32LE(128 * 512 + 8)).toBeGreaterThan(GRAIN);
  expect(walk(image).grains.size).toBe(1);
});

async function start(size = 64 * MIB, identity: Partial<Disk> = {}, format = vmdk()) {
  const output = new MemoryImage();
  return { output, writer: await format.write(requestOf(format, output, { ...identity, size })) };
}

test('no sector of zeros, which would end the stream, follows a grain that fills its last one', async () => {
  const { output, writer } = await start();
  writer.add(blockOf(0, ZEROS, { packed: new Uint8Array(2 * 512 - 12) }));
  expect(output.position).toBe((128 + 2) * 512);
});

describe('the writer refuses', () => {
  test('a grain that is longer than readers accept', async () => {
    const { writer } = await start();
    writer.add(blockOf(0, ZEROS, { packed: new Uint8Array(66_036) }));
    const longer = blockOf(1, ZEROS, { packed: new Uint8Array(66_037) });
    expect(() => writer.add(longer)).toThrow(FormatError);
  });

  test('to go on behind the last sector that a table can name', async () => {
    const { output, writer } = await start();
    const packed = Buffer.from('zlib!');
    output.zeros(2 ** 41 - 512 - output.position);
    writer.add(blockOf(0, ZEROS, { packed }));
    expect(() => writer.add(blockOf(1, ZEROS, { packed }))).toThrow(/past 2 TiB/);
    expect(() => writer.finish(64 * MIB)).toThrow(FormatError);
  });

  test.each(['a/b', 'a"b', 'a\nb', 'x'.repeat(400)])('the name "%s" at once', async (name) => {
    const format = vmdk();
    const written = format.write(requestOf(format, new MemoryImage(), { name }));
    await expect(written).rejects.toThrow(FormatError);
  });

  test('a disk of another size than was announced', async () => {
    const { writer } = await start();
    expect(() => writer.finish(MIB)).toThrow(/announced/);
  });
});

test('an image is known by its first four bytes', async () => {
  const image = (await writeImage(vmdk(), diskWithBlocks(MIB, []))).bytes;
  expect(vmdk().matches(image.subarray(0, 512))).toBe(true);
  expect(vmdk().matches(Buffer.from('KDMV'))).toBe(true);
  expect(vmdk().matches(Buffer.from('VMDK'))).toBe(false);
  expect(vmdk().matches(Buffer.from('KD'))).toBe(false);
});

/** The grains 1 and 512, each in a stream of 5 bytes. */
async function sample(): Promise<Buffer> {
  const size = 32 * MIB + GRAIN;
  const { output, writer } = await start(size, { name: 'disk' });
  const packed = Buffer.from('zlib!');
  for (const index of [1, 512]) writer.add(blockOf(index, ZEROS, { packed }));
  writer.finish(size);
  return output.bytes;
}

/** Lines of 16 bytes with their offset; those of zeros left out. */
function dump(image: Buffer, firstSector: number, endSector: number): string {
  const lines = [];
  for (let at = firstSector * 512; at < endSector * 512; at += 16) {
    const line = image.subarray(at, at + 16);
    if (isZero(line)) continue;
    const hex = line.toString('hex').replace(/(..)(?!$)/g, '$1 ');
    lines.push(`${at.toString(16).padStart(5, '0')}  ${hex}`);
  }
  return lines.join('\n');
}

function descriptor(image: Buffer): string {
  return image.toString('latin1', 512, image.indexOf(0, 512));
}

test('the header is the same to the byte', async () => {
  expect(dump(await sample(), 0, 1)).toMatchInlineSnapshot(`
    "00000  4b 44 4d 56 03 00 00 00 01 00 03 00 80 00 01 00
    00010  00 00 00 00 80 00 00 00 00 00 00 00 01 00 00 00
    00020  00 00 00 00 14 00 00 00 00 00 00 00 00 02 00 00
    00030  00 00 00 00 00 00 00 00 ff ff ff ff ff ff ff ff
    00040  80 00 00 00 00 00 00 00 00 0a 20 0d 0a 01 00 00"
  `);
});

test('the descriptor is the same to the byte', async () => {
  expect(descriptor(await sample())).toMatchInlineSnapshot(`
    "# Disk DescriptorFile
    version=1
    CID=1c1d1e1f
    parentCID=ffffffff
    createType="streamOptimized"

    # Extent description
    RW 65664 SPARSE "disk.vmdk"

    # The Disk Data Base
    #DDB

    ddb.adapterType = "lsilogic"
    ddb.geometry.cylinders = "4"
    ddb.geometry.heads = "255"
    ddb.geometry.sectors = "63"
    ddb.longContentID = "1011121314154617b8191a1b1c1d1e1f"
    ddb.toolsVersion = "2147483647"
    ddb.uuid.image = "10111213-1415-4617-b819-1a1b1c1d1e1f"
    ddb.uuid.modification = "00000000-0000-0000-0000-000000000000"
    ddb.uuid.parent = "00000000-0000-0000-0000-000000000000"
    ddb.uuid.parentmodification = "00000000-0000-0000-0000-000000000000"
    ddb.virtualHWVersion = "4"
    "
  `);
});

test('grains, tables, directory, footer and end of stream are the same to the byte', async () => {
  const image = await sample();
  expect(dump(image, 21, image.length / 512)).toMatchInlineSnapshot(`
    "10000  80 00 00 00 00 00 00 00 05 00 00 00 7a 6c 69 62
    10010  21 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    10200  04 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00
    10400  00 00 00 00 80 00 00 00 00 00 00 00 00 00 00 00
    10c00  00 00 01 00 00 00 00 00 05 00 00 00 7a 6c 69 62
    10c10  21 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    10e00  04 00 00 00 00 00 00 00 00 00 00 00 01 00 00 00
    11000  86 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00
    11800  01 00 00 00 00 00 00 00 00 00 00 00 02 00 00 00
    11a00  82 00 00 00 88 00 00 00 00 00 00 00 00 00 00 00
    11c00  01 00 00 00 00 00 00 00 00 00 00 00 03 00 00 00
    11e00  4b 44 4d 56 03 00 00 00 01 00 03 00 80 00 01 00
    11e10  00 00 00 00 80 00 00 00 00 00 00 00 01 00 00 00
    11e20  00 00 00 00 14 00 00 00 00 00 00 00 00 02 00 00
    11e30  00 00 00 00 00 00 00 00 8d 00 00 00 00 00 00 00
    11e40  80 00 00 00 00 00 00 00 00 0a 20 0d 0a 01 00 00"
  `);
  expect(image.length / 512).toMatchInlineSnapshot(`145`);
});

describe('the descriptor', () => {
  test('says what it is within the first sector, whatever the name of the file', async () => {
    const name = 'x'.repeat(255 - '.vmdk'.length);
    const size = 2 ** 48;
    const { output } = await start(size, { name }, vmdk({ adapterType: 'legacyESX' }));
    const sector = output.bytes.toString('latin1', 512, 1024);
    expect(sector).toContain('createType="streamOptimized"');
    expect(sector).toContain(`RW ${size / 512} SPARSE "${name}.vmdk"`);
    expect(sector).toContain('ddb.adapterType = "legacyESX"\n');
  });

  test.each([
    ['ffffffff', 'fffffffd'],
    ['fffffffe', 'fffffffc'],
    ['fffffffd', 'fffffffd'],
    ['00000000', '00000000'],
  ])(
    'has no CID with a meaning of its own: of a uuid that ends in %s it is %s',
    async (end, cid) => {
      const uuid = Buffer.from(`00112233445546678899aabb${end}`, 'hex');
      const image = await writeImage(vmdk(), diskWithBlocks(MIB, []), { identity: { uuid } });
      const text = descriptor(image.bytes);
      expect(text).toContain(`\nCID=${cid}\n`);
      expect(text).toContain(`ddb.longContentID = "00112233445546678899aabb${cid}"`);
      expect(text).toContain(`ddb.uuid.image = "00112233-4455-4667-8899-aabb${end}"`);
    },
  );

  const geometries: [AdapterType, size: number, cylinders: number, heads: number][] = [
    ['lsilogic', MIB, 1, 255],
    ['lsilogic', 2 ** 30, 130, 255],
    ['buslogic', 2 ** 40, 133_674, 255],
    ['ide', 2 ** 30, 2080, 16],
    ['ide', 2 ** 40, 16_383, 16],
  ];
  test.each(geometries)('gives %s disks of %d bytes %d cylinders', async (...expected) => {
    const [adapterType, diskSize, cylinders, heads] = expected;
    const format = vmdk({ adapterType });
    const text = descriptor((await writeImage(format, diskWithBlocks(diskSize, []))).bytes);
    expect(text).toContain(`ddb.adapterType = "${adapterType}"`);
    expect(text).toContain(`ddb.geometry.cylinders = "${cylinders}"`);
    expect(text).toContain(`ddb.geometry.heads = "${heads}"`);
    expect(text).toContain('ddb.geometry.sectors = "63"');
  });
});
