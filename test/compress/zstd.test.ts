// zstd, where the Node that runs the tests has it; elsewhere that it is refused.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { encode, fileSink, openSource, qcow2, raw, type ZstdCompression } from 'kexport';
import { describe, expect, test } from 'vitest';
import { BLOCK_SIZE, vmdk, type ZstdEncoding } from '../../formats/index.ts';
import { additionalFields, header } from '../../formats/qcow2/layout.ts';
import { COMPRESSED_SLACK } from '../../src/workers/slab.ts';
import { documentedZstdCompressor, hasZstd, zstdCompressor } from '../../src/compress/zstd.ts';
import { chooseEncodings } from '../../src/export/encodings.ts';
import { DISKS, noise, text, writeDisk } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { MemoryImage } from '../support/memory-image.ts';
import { checkQcow2, compareWithRaw, describeWith, run } from '../support/peers.ts';
import { blockOf, requestOf } from '../support/write-image.ts';

const ENCODING: ZstdEncoding = { kind: 'zstd', level: 3 };

describe('a qcow2 of zstd', () => {
  test('says so in its header and holds the frames as they are', async () => {
    const image = new MemoryImage();
    const request = { ...requestOf(qcow2(), image, {}), encoding: ENCODING };
    const writer = await qcow2().write(request);
    const frame = noise(1000);
    writer.add(blockOf(0, text(BLOCK_SIZE), { packed: frame }));
    writer.finish(BLOCK_SIZE);
    const { incompatibleFeatures, headerLength } = header.decode(image.bytes);
    expect(incompatibleFeatures).toBe(8n);
    expect(headerLength).toBe(112);
    const { compressionType } = additionalFields.decode(image.bytes.subarray(104));
    expect(compressionType).toBe(1);
    expect(image.bytes.readUInt32BE(112)).toBe(0x6803f857); // the extensions follow
    expect(image.bytes.subarray(BLOCK_SIZE, BLOCK_SIZE + 1000).equals(frame)).toBe(true);
  });

  test('leaves zlib to the formats beside it, at its own default or highest level', () => {
    const choose = (level?: number) =>
      chooseEncodings([qcow2(), vmdk()], { compression: 'zstd', level }).distinct;
    const zlib = { kind: 'zlib', windowBits: 15 };
    expect(choose()).toEqual([ENCODING, { ...zlib, level: 6 }]);
    expect(choose(2)).toEqual([
      { kind: 'zstd', level: 2 },
      { ...zlib, level: 2 },
    ]);
    expect(choose(19)).toEqual([
      { kind: 'zstd', level: 19 },
      { ...zlib, level: 9 },
    ]);
  });
});

describe('--compression zstd', () => {
  test.each([
    ['for formats without it', ['raw,vmdk', '--compression', 'zstd'], 'zstd is for qcow2 alone'],
    ['at level 20', ['qcow2', '--compression', 'zstd', '--level', '20'], 'from 1 to 19'],
    ['with a level of its own for zlib', ['qcow2', '--level', '10'], 'zlib is not 1 to 9'],
  ])('makes no sense %s', (_, [formats = '', ...options], message) => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'disk'), text(BLOCK_SIZE));
    const { status, stderr } = kexport([formats, 'disk', '--name', 'x', ...options], { cwd });
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  test.skipIf(hasZstd())('is refused where Node has none', () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'disk'), text(BLOCK_SIZE));
    const { status, stderr } = kexport(['qcow2', 'disk', '--compression', 'zstd'], { cwd });
    expect(stderr).toMatch(/^kexport: this Node, v.* has no zstd \(Node 22.15 .*\)\n$/);
    expect(status).toBe(1);
  });
});

describe.skipIf(!hasZstd())('the zstd of this Node', () => {
  test('gives by its handle, block after block, the bytes of its documented calls', () => {
    for (const level of [1, 3, 19]) {
      const kept = zstdCompressor({ kind: 'zstd', level });
      const documented = documentedZstdCompressor({ level });
      for (const block of [text(BLOCK_SIZE), noise(BLOCK_SIZE), text(BLOCK_SIZE, 2)]) {
        const [one, other] = [0, 0].map(() => Buffer.alloc(BLOCK_SIZE + COMPRESSED_SLACK));
        const length = kept.compress(block, one!);
        expect(documented.compress(block, other!)).toBe(length);
        expect(one!.subarray(0, length).equals(other!.subarray(0, length))).toBe(true);
      }
    }
  });

  test('runs by its handle', () => {
    const compressor = zstdCompressor(ENCODING);
    expect(() => compressor.compress(noise(BLOCK_SIZE), Buffer.alloc(1000))).toThrow('zstd ran');
  });

  describeWith(['qemu-img'], 'to QEMU', () => {
    test.each(DISKS.map((disk) => [disk.name, disk] as const))(
      'makes a sound image of %s',
      async (_, disk) => {
        const folder = temporaryFolder();
        writeDisk(join(folder, 'disk'), disk);
        await exportDisk(folder, {});
        const image = join(folder, 'image.qcow2');
        expect(run('qemu-img', 'info', image)).toContain('compression type: zstd');
        checkQcow2(image);
        compareWithRaw('qcow2', image, join(folder, 'disk'));
      },
    );

    test('lets it write to the image', async () => {
      const folder = temporaryFolder();
      writeDisk(join(folder, 'disk'), DISKS[5]!);
      await exportDisk(folder, { level: 19 });
      const image = join(folder, 'image.qcow2');
      run('qemu-io', '-c', 'write -P 7 100k 3M', '-c', 'write -c -P 8 8256k 64k', image);
      checkQcow2(image);
    });
  });
});

async function exportDisk(
  folder: string,
  options: Omit<ZstdCompression, 'compression'>,
): Promise<void> {
  const open = (name: string) => fileSink(join(folder, name));
  const targets = [
    { format: qcow2(), sink: await open('image.qcow2') },
    { format: raw(), sink: await open('image.raw') },
  ];
  const source = await openSource(join(folder, 'disk'));
  await encode(source, targets, { compression: 'zstd', ...options });
}
