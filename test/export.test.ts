// Whole exports, read back by programs of others.

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type CompressorName,
  COMPRESSORS,
  encode,
  fileSink,
  type Format,
  FORMATS,
  openSource,
  qcow2,
  raw,
} from 'kexport';
import { DISKS, noise, text, type TestDisk, writeDisk } from './support/disks.ts';
import { temporaryFolder } from './support/folder.ts';
import {
  checkQcow2,
  compareWithRaw,
  describeWith,
  run,
  runForBytes,
  runPython,
} from './support/peers.ts';

interface Export {
  readonly disk: string;
  readonly qcow2: string;
  readonly raw: string;
}

async function exportDisk(
  disk: TestDisk,
  options: { threads?: number; compressor?: CompressorName; level?: number } = {},
): Promise<Export> {
  const folder = temporaryFolder();
  const paths = {
    disk: join(folder, 'disk'),
    qcow2: join(folder, 'image.qcow2'),
    raw: join(folder, 'image.raw'),
  };
  writeDisk(paths.disk, disk);
  const targets = [
    { format: qcow2(), sink: await fileSink(paths.qcow2) },
    { format: raw(), sink: await fileSink(paths.raw) },
  ];
  await encode(await openSource(paths.disk), targets, options);
  return paths;
}

const READ_QCOW2 = `
import hashlib, pyqcow, sys
image = pyqcow.file()
image.open(sys.argv[1])
digest = hashlib.sha256()
left = image.get_media_size()
while left > 0:
    piece = image.read_buffer(min(left, 1 << 24))
    digest.update(piece)
    left -= len(piece)
print(digest.hexdigest())
`;

function sha256(path: string): string {
  return run('sha256sum', path).slice(0, 64);
}

describeWith(['qemu-img'], 'QEMU', () => {
  test.each(DISKS)('finds no error and the same disk in the qcow2: $name', async (disk) => {
    const paths = await exportDisk(disk);
    checkQcow2(paths.qcow2);
    compareWithRaw('qcow2', paths.qcow2, paths.disk);
    compareWithRaw('raw', paths.raw, paths.disk);
  });

  test('takes an image for its own: snapshots and writes after import leave no error', async () => {
    const paths = await exportDisk(DISKS[5]!); // text and noise
    run('qemu-img', 'snapshot', '-c', 'before', paths.qcow2);
    run('qemu-io', '-c', 'write -P 7 100k 3M', '-c', 'write -z 10M 2M', paths.qcow2);
    checkQcow2(paths.qcow2);
    run('qemu-img', 'snapshot', '-a', 'before', paths.qcow2);
    checkQcow2(paths.qcow2);
    compareWithRaw('qcow2', paths.qcow2, paths.disk);
  });

  test.each(COMPRESSORS)('finds the same disk in an image made with %s', async (compressor) => {
    const paths = await exportDisk(DISKS[6]!, { compressor });
    checkQcow2(paths.qcow2);
    compareWithRaw('qcow2', paths.qcow2, paths.disk);
  });

  test('packs no smaller than we do', async () => {
    const paths = await exportDisk(DISKS[5]!);
    run('qemu-img', 'convert', '-c', '-O', 'qcow2', paths.disk, `${paths.qcow2}.peer`);
    expect(statSync(paths.qcow2).size).toBeLessThan(1.02 * statSync(`${paths.qcow2}.peer`).size);
  });

  test('finds the same disk whatever its shape', async () => {
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
      const paths = await exportDisk({ name: 'any', size, pieces: inside }, { threads: 2 });
      checkQcow2(paths.qcow2);
      compareWithRaw('qcow2', paths.qcow2, paths.disk);
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

describeWith(['python3:pyqcow'], 'libqcow', () => {
  test.each(DISKS)('reads the same disk from the qcow2: $name', async (disk) => {
    const paths = await exportDisk(disk);
    expect(runPython(READ_QCOW2, paths.qcow2).trim()).toBe(sha256(paths.disk));
  });
});

describeWith(['7zz'], '7-Zip', () => {
  test.each(DISKS)('reads the same disk from the qcow2: $name', async (disk) => {
    const paths = await exportDisk(disk);
    const digest = createHash('sha256');
    digest.update(runForBytes('7zz', 'x', '-so', '-tqcow', paths.qcow2));
    expect(digest.digest('hex')).toBe(sha256(paths.disk));
  });
});

describe('a raw image', () => {
  test.each(DISKS)('is the disk, byte for byte: $name', async (disk) => {
    const paths = await exportDisk(disk);
    run('cmp', paths.raw, paths.disk);
  });

  test('has a hole for every 4 KiB of zeros', async () => {
    const pieces = [0, 2, 5].map((page) => ({ offset: page * 4096, bytes: noise(4096) }));
    const paths = await exportDisk({ name: 'pages', size: 2 ** 20, pieces });
    expect(statSync(paths.raw).blocks * 512).toBe(3 * 4096);
  });
});

describe('an image', () => {
  test.each(Object.entries(FORMATS))(
    'is the same %s with 1, 2 and 7 threads',
    async (_, create) => {
      const digests = [];
      for (const threads of [1, 2, 7]) digests.push(await digestOf(create(), threads));
      expect(new Set(digests).size).toBe(1);
    },
  );

  async function digestOf(format: Format, threads: number): Promise<string> {
    const folder = temporaryFolder();
    writeDisk(join(folder, 'disk'), DISKS[5]!); // text and noise
    const target = { format, sink: await fileSink(join(folder, 'image')) };
    const identity = { name: 'x', uuid: new Uint8Array(16).fill(7), createdAt: 1_700_000_000 };
    await encode(await openSource(join(folder, 'disk')), [target], { threads, identity });
    return sha256(join(folder, 'image'));
  }

  test('made at a higher level is smaller', async () => {
    const bytes = readFileSync(process.execPath).subarray(0, 2 ** 21);
    const disk: TestDisk = { name: '', size: bytes.length, pieces: [{ offset: 0, bytes }] };
    const sizes = [];
    for (const level of [1, 6, 9]) {
      sizes.push(statSync((await exportDisk(disk, { level })).qcow2).size);
    }
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
  });
});

describeWith(
  ['mkfs.ext4', 'mkfs.vfat', 'mcopy', 'debugfs', 'qemu-img'],
  'a real file system',
  () => {
    const files = ['formats', 'src'].map((name) => join(import.meta.dirname, '..', name));

    test('ext4 comes through: its files read back the same', async () => {
      const folder = temporaryFolder();
      const disk = join(folder, 'ext4.img');
      run('mkfs.ext4', '-q', '-d', files[1]!, disk, '64M');
      const image = await exportAndConvert(disk, folder);
      run('e2fsck', '-fn', image);
      mkdirSync(join(folder, 'out'));
      run('debugfs', '-R', `rdump / ${join(folder, 'out')}`, image);
      run('diff', '-r', '-x', 'lost+found', files[1]!, join(folder, 'out'));
    });

    test('FAT comes through: its files read back the same', async () => {
      const folder = temporaryFolder();
      const disk = join(folder, 'fat.img');
      run('mkfs.vfat', '-C', disk, '16384');
      run('mcopy', '-s', '-i', disk, files[0]!, '::');
      const image = await exportAndConvert(disk, folder);
      run('mcopy', '-s', '-i', image, '::formats', folder);
      run('diff', '-r', files[0]!, join(folder, 'formats'));
    });

    /** Exports to qcow2 and has QEMU make a raw disk of that. */
    async function exportAndConvert(disk: string, folder: string): Promise<string> {
      const image = join(folder, 'image.qcow2');
      const target = { format: qcow2(), sink: await fileSink(image) };
      await encode(await openSource(disk), [target]);
      run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', image, join(folder, 'back.raw'));
      return join(folder, 'back.raw');
    }
  },
);
