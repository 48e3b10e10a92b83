// One gzip member of blocks that were compressed one by one: for raw.gz and gce.

import { gunzipSync } from 'node:zlib';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { gce, rawGz } from '../../formats/index.ts';
import { crcWithZeros } from '../../formats/gzip/crc-of-zeros.ts';
import { deflatedZeros } from '../../formats/gzip/deflated-zeros.ts';
import { crc32 } from '../../src/runtime/crc32.ts';
import { DISKS, noise, text, writeDisk } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { MemoryImage } from '../support/memory-image.ts';
import { compareOutput, describeWith, run, runIn } from '../support/peers.ts';
import { blocksOf, requestOf, writeImage } from '../support/write-image.ts';

const BLOCK = 65_536;
const MIB = 2 ** 20;
const GIB = 2 ** 30;

describe('zeros', () => {
  test.each([1, 2, 258, 259, 65_535, BLOCK, MIB - 1, MIB, MIB + 1, 65 * MIB + 7])(
    'are ready-made deflate: %d of them',
    (count) => {
      const { length, pieces } = deflatedZeros(count);
      const bytes = Buffer.concat([...pieces()]);
      expect(bytes).toHaveLength(length);
      expect(length).toBeLessThan(count / 990 + 100);
      const member = [Buffer.from('1f8b08000000000000ff', 'hex'), bytes, Buffer.from([3, 0])];
      const trailer = Buffer.alloc(8);
      trailer.writeUInt32LE(crcWithZeros(0, count));
      trailer.writeUInt32LE(count, 4);
      const found = gunzipSync(Buffer.concat([...member, trailer])); // checks the CRC-32
      expect(found.equals(Buffer.alloc(count))).toBe(true);
    },
  );

  test.each([0, 1, 7, 65_536, 3 * MIB + 5])('change a CRC-32 as if read: %d of them', (count) => {
    const before = crc32(text(1000));
    expect(crcWithZeros(before, count)).toBe(crc32(Buffer.alloc(count), before));
  });

  test('of 3 TiB take 3 GiB, of which no more than a piece is held', () => {
    const { length, pieces } = deflatedZeros(3 * 2 ** 40);
    expect(length).toBeLessThan(3.1 * GIB);
    for (const piece of pieces()) {
      expect(piece.length).toBeLessThan(MIB);
      break;
    }
  });
});

describeWith(['gzip', 'pigz', '7zz'], 'a raw.gz', () => {
  test.each(DISKS.map((disk) => [disk.name, disk] as const))(
    'is that disk: %s',
    async (_, disk) => {
      const folder = temporaryFolder();
      const image = join(folder, 'x.raw.gz');
      (await writeImage(rawGz(), disk)).save(image);
      writeDisk(join(folder, 'disk'), disk);
      run('gzip', '--test', image);
      compareOutput(join(folder, 'disk'), 'pigz', '-dc', image);
      if (disk.size <= 64 * MIB) compareOutput(join(folder, 'disk'), '7zz', 'x', '-so', image);
      expect(run('gzip', '--list', image).trim().split('\n')).toHaveLength(2); // one member
    },
  );
});

describeWith(['tar', 'bsdtar', 'python3'], 'a gce archive', () => {
  const first = { offset: 0, bytes: noise(BLOCK, 5) };
  const last = { offset: GIB - BLOCK, bytes: noise(BLOCK, 6) };

  test('has disk.raw alone, which is the disk', async () => {
    const folder = temporaryFolder();
    const image = join(folder, 'x.tar.gz');
    const disk = { name: '', size: GIB, pieces: [first, last] };
    (await writeImage(gce(), disk)).save(image);
    writeDisk(join(folder, 'disk'), disk);
    expect(run('bsdtar', '-tf', image)).toBe('disk.raw\n');
    compareOutput(join(folder, 'disk'), 'tar', '-xOf', image, 'disk.raw');
  });

  test('is in the format that Go calls GNU, for a disk of 16 GiB too', async () => {
    const disk = { name: '', size: 16 * GIB, pieces: [{ offset: 0, bytes: text(BLOCK) }] };
    const folder = temporaryFolder();
    (await writeImage(gce(), disk)).save(join(folder, 'x.tar.gz'));
    const script =
      'import tarfile; m = tarfile.open("x.tar.gz").next(); print(m.name, m.size, m.type, m.pax_headers)';
    expect(runIn(folder, 'python3', '-c', script)).toBe(`disk.raw ${16 * GIB} b'0' {}\n`);
    const head = runIn(folder, 'bash', '-c', 'zcat x.tar.gz | head -c 512 | base64 -w0');
    expect(Buffer.from(head, 'base64').toString('latin1', 257, 265)).toBe('ustar  \0');
  });
});

test('a gce archive needs the size of its disk first, for the header of disk.raw', async () => {
  const [disk] = DISKS;
  await expect(writeImage(gce(), disk!, { sizeKnown: false })).rejects.toThrow('must be known');
});

test('blocks that do not ascend are a bug, not an image', async () => {
  const request = requestOf(rawGz(), new MemoryImage(), {});
  const [first, second] = [...blocksOf(DISKS[2]!, request.encoding)];
  const writer = await rawGz().write(request);
  writer.add(second!);
  expect(() => writer.add(first!)).toThrow('blocks do not ascend');
});
