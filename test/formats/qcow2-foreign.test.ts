// Images of whole exports, and of tables alone, read by other programs.

import { closeSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { COMPRESSORS, encode, fileSink, openSource, qcow2, type EncodeOptions } from 'kexport';
import { BLOCK_SIZE, type ImageOutput } from 'kexport/formats';
import { beforeAll, describe, expect, test } from 'vitest';
import { DISKS, noise, text, type TestDisk, writeDisk } from '../support/disks.ts';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import {
  checkQcow2,
  compareByLibyal,
  compareOutput,
  compareWithRaw,
  describeWith,
  run,
  testWith,
} from '../support/peers.ts';
import { requestOf } from '../support/write-image.ts';

interface Export {
  readonly disk: string;
  readonly image: string;
}

async function exportDisk(
  folder: string,
  disk: TestDisk,
  options: EncodeOptions = {},
): Promise<Export> {
  const paths = { disk: join(folder, 'disk'), image: join(folder, 'image.qcow2') };
  writeDisk(paths.disk, disk);
  const target = { format: qcow2(), sink: await fileSink(paths.image, { force: true }) };
  await encode(await openSource(paths.disk), [target], options);
  return paths;
}

describe.each(DISKS.map((disk) => [disk.name, disk] as const))('a qcow2 of %s', (_, disk) => {
  const folder = sharedFolder();
  let paths: Export;
  beforeAll(async () => {
    paths = await exportDisk(folder, disk);
  });

  testWith(['qemu-img'], 'has no error and is the same disk to QEMU', () => {
    checkQcow2(paths.image);
    compareWithRaw('qcow2', paths.image, paths.disk);
  });

  testWith(['python3:pyqcow'], 'is the same disk to libqcow', () => {
    compareByLibyal('pyqcow', paths.image, paths.disk);
  });

  testWith(['7zz'], 'is the same disk to 7-Zip', () => {
    compareOutput(paths.disk, '7zz', 'x', '-so', '-tqcow', paths.image);
  });
});

describeWith(['qemu-img'], 'QEMU', () => {
  test('takes an image for its own: snapshots and writes after import leave no error', async () => {
    const paths = await exportDisk(temporaryFolder(), DISKS[5]!); // text and noise
    run('qemu-img', 'snapshot', '-c', 'before', paths.image);
    run('qemu-io', '-c', 'write -P 7 100k 3M', '-c', 'write -z 10M 2M', paths.image);
    checkQcow2(paths.image);
    run('qemu-img', 'snapshot', '-a', 'before', paths.image);
    checkQcow2(paths.image);
    compareWithRaw('qcow2', paths.image, paths.disk);
  });

  test.each(COMPRESSORS)('finds the same disk in an image made with %s', async (compressor) => {
    const paths = await exportDisk(temporaryFolder(), DISKS[6]!, { compressor });
    checkQcow2(paths.image);
    compareWithRaw('qcow2', paths.image, paths.disk);
  });

  test('packs no smaller than we do', async () => {
    const paths = await exportDisk(temporaryFolder(), DISKS[5]!);
    run('qemu-img', 'convert', '-c', '-O', 'qcow2', paths.disk, `${paths.image}.peer`);
    expect(statSync(paths.image).size).toBeLessThan(1.02 * statSync(`${paths.image}.peer`).size);
  });

  test('finds the same disk whatever its shape', async () => {
    const folder = temporaryFolder();
    const block = fc.constantFrom('zero', 'text', 'noise', 'sector');
    const shape = fc.array(block, { minLength: 1, maxLength: 200 });
    const tail = fc.integer({ min: 1, max: 128 });
    const property = fc.asyncProperty(shape, tail, async (blocks, sectors) => {
      const pieces = blocks.flatMap((kind, i) => pieceOf(kind, i));
      const size = (blocks.length - 1) * 65_536 + sectors * 512;
      const inside = pieces.map(({ offset, bytes }) => ({
        offset,
        bytes: bytes.subarray(0, Math.max(0, size - offset)),
      }));
      const paths = await exportDisk(folder, { name: 'any', size, pieces: inside }, { threads: 2 });
      checkQcow2(paths.image);
      compareWithRaw('qcow2', paths.image, paths.disk);
    });
    await fc.assert(property, { numRuns: 15, seed: 1 });
  });

  function pieceOf(kind: string, i: number): TestDisk['pieces'] {
    const offset = i * 65_536;
    if (kind === 'text') return [{ offset, bytes: text(65_536, i + 1) }];
    if (kind === 'noise') return [{ offset, bytes: noise(65_536, i + 1) }];
    return kind === 'sector' ? [{ offset: offset + 512, bytes: noise(512, i + 1) }] : [];
  }
});

describeWith(['qemu-img'], 'the refcounts of a large image', () => {
  // An image of more than 2 GiB needs a second refcount block. The data is left out, since a check
  // reads only tables.
  test.each([
    ['plain clusters', 33_000, () => noise(BLOCK_SIZE + 32)],
    ['packed clusters', 90_000, () => noise(30_000)],
    ['packed and plain clusters', 60_000, (i: number) => noise(i % 3 ? 33_333 : BLOCK_SIZE + 32)],
    ['blocks that fill a cluster exactly', 33_000, () => noise(BLOCK_SIZE - 1 + 6)],
  ])('are exact across refcount blocks: %s', async (_, blockCount, packed) => {
    const path = join(temporaryFolder(), 'large.qcow2');
    const streams = [0, 1, 2].map(packed);
    const fd = openSync(path, 'w');
    const bytes = noise(BLOCK_SIZE);
    const output = tablesOnly(fd, new Set([bytes, ...streams].map(({ buffer }) => buffer)));
    const format = qcow2();
    const size = 2 ** 46; // 64 TiB
    const writer = await format.write(requestOf(format, output, { size }, 1));
    const last = size / BLOCK_SIZE - 1;
    for (let i = 0; i < blockCount; i++) {
      const stream = streams[i % streams.length]!; // never empty
      const index = i === blockCount - 1 ? last : i;
      writer.add({ index, bytes, length: BLOCK_SIZE, compressed: () => stream });
    }
    writer.finish(size);
    closeSync(fd);
    checkQcow2(path);
    const info = JSON.parse(run('qemu-img', 'info', '--output=json', path)) as object;
    expect(info).toMatchObject({ 'virtual-size': size });
  });

  function tablesOnly(fd: number, skipped: ReadonlySet<ArrayBufferLike>): ImageOutput {
    let position = 0;
    const write = (bytes: Uint8Array, offset: number) => {
      if (!skipped.has(bytes.buffer)) writeSync(fd, bytes, 0, bytes.length, offset);
    };
    const append = (bytes: Uint8Array) => {
      write(bytes, position);
      position += bytes.length;
    };
    return {
      get position() {
        return position;
      },
      append,
      appendPieces(_, pieces) {
        for (const bytes of pieces) append(bytes);
      },
      zeros: (count) => (position += count),
      patch: (offset, bytes) => {
        write(bytes, offset);
      },
    };
  }
});
