// The bytes themselves, of a disk of 32 MiB and a grain. `npx vitest -u` rewrites them.

import { describe, expect, test } from 'vitest';
import { type AdapterType, vmdk } from '../../formats/index.ts';
import { blockOf, GRAIN, IDENTITY, isZero, memoryOutput, writeVmdk } from './vmdk-image.ts';

const MIB = 2 ** 20;

/** The grains 1 and 512, each in a stream of 5 bytes. */
function sample(): Buffer {
  const format = vmdk();
  const output = memoryOutput();
  const disk = { ...IDENTITY, size: 32 * MIB + GRAIN };
  const encoding = format.encoding({ level: 6 });
  const hasher = () => expect.fail('nothing to hash');
  const writer = format.write({ disk, encoding, output, hasher });
  const packed = Buffer.from('zlib!');
  for (const index of [1, 512]) writer.add(blockOf(index, new Uint8Array(GRAIN), packed));
  writer.finish(disk.size);
  return output.image();
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

test('the header', () => {
  expect(dump(sample(), 0, 1)).toMatchInlineSnapshot(`
    "00000  4b 44 4d 56 03 00 00 00 01 00 03 00 80 00 01 00
    00010  00 00 00 00 80 00 00 00 00 00 00 00 01 00 00 00
    00020  00 00 00 00 14 00 00 00 00 00 00 00 00 02 00 00
    00030  00 00 00 00 00 00 00 00 ff ff ff ff ff ff ff ff
    00040  80 00 00 00 00 00 00 00 00 0a 20 0d 0a 01 00 00"
  `);
});

test('the descriptor', () => {
  expect(descriptor(sample())).toMatchInlineSnapshot(`
    "# Disk DescriptorFile
    version=1
    CID=ccddeeff
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
    ddb.longContentID = "00112233445566778899aabbccddeeff"
    ddb.toolsVersion = "2147483647"
    ddb.uuid.image = "00112233-4455-6677-8899-aabbccddeeff"
    ddb.uuid.modification = "00000000-0000-0000-0000-000000000000"
    ddb.uuid.parent = "00000000-0000-0000-0000-000000000000"
    ddb.uuid.parentmodification = "00000000-0000-0000-0000-000000000000"
    ddb.virtualHWVersion = "4"
    "
  `);
});

test('grains, tables, directory, footer and end of stream', () => {
  const image = sample();
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
  test('tells what it is within the first sector, whatever the file is called', () => {
    const name = 'x'.repeat(255 - '.vmdk'.length);
    const size = 2 ** 48;
    const format = vmdk({ adapterType: 'legacyESX' });
    const output = memoryOutput();
    format.write({
      disk: { ...IDENTITY, name, size },
      encoding: format.encoding({ level: 6 }),
      output,
      hasher: () => expect.fail('nothing to hash'),
    });
    const sector = output.image().toString('latin1', 512, 1024);
    expect(sector).toContain('createType="streamOptimized"');
    expect(sector).toContain(`RW ${size / 512} SPARSE "${name}.vmdk"`);
    expect(sector).toContain('ddb.adapterType = "legacyESX"\n');
  });

  test.each([
    ['ffffffff', 'fffffffd'],
    ['fffffffe', 'fffffffc'],
    ['fffffffd', 'fffffffd'],
    ['00000000', '00000000'],
  ])('has no CID with a meaning of its own: of a uuid that ends in %s it is %s', (end, cid) => {
    const uuid = Buffer.from(`00112233445546678899aabb${end}`, 'hex');
    const text = descriptor(writeVmdk(new Map(), MIB, { identity: { uuid } }).image);
    expect(text).toContain(`\nCID=${cid}\n`);
    expect(text).toContain(`ddb.longContentID = "00112233445546678899aabb${cid}"`);
    expect(text).toContain(`ddb.uuid.image = "00112233-4455-4667-8899-aabb${end}"`);
  });

  const geometries: [AdapterType, size: number, cylinders: number, heads: number][] = [
    ['lsilogic', MIB, 1, 255],
    ['lsilogic', 2 ** 30, 130, 255],
    ['buslogic', 2 ** 40, 133_674, 255],
    ['ide', 2 ** 30, 2080, 16],
    ['ide', 2 ** 40, 16_383, 16],
  ];
  test.each(geometries)('gives %s disks of %d bytes %d cylinders', (...expected) => {
    const [adapterType, diskSize, cylinders, heads] = expected;
    const format = vmdk({ adapterType });
    const text = descriptor(writeVmdk(new Map(), diskSize, { format }).image);
    expect(text).toContain(`ddb.adapterType = "${adapterType}"`);
    expect(text).toContain(`ddb.geometry.cylinders = "${cylinders}"`);
    expect(text).toContain(`ddb.geometry.heads = "${heads}"`);
    expect(text).toContain('ddb.geometry.sectors = "63"');
  });
});
