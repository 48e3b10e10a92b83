// Whole exports. The tests of each format compare its images by other programs.

import { mkdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  encode,
  type EncodeOptions,
  fileSink,
  type Format,
  FORMATS,
  openSource,
  qcow2,
  raw,
} from 'kexport';
import { beforeAll, describe, expect, test } from 'vitest';
import { DISKS, noise, type TestDisk, writeDisk } from '../support/disks.ts';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { compareImage, describeWith, run, sha256Of, testWith } from '../support/peers.ts';
import { TOP } from '../support/project.ts';
import { IDENTITY } from '../support/write-image.ts';
import { HAS_ZSTD } from '../support/zstd.ts';

interface Export {
  readonly disk: string;
  readonly qcow2: string;
  readonly raw: string;
}

async function exportDisk(
  disk: TestDisk,
  options: EncodeOptions = {},
  folder = temporaryFolder(),
): Promise<Export> {
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

describe.each(DISKS.map((disk) => [disk.name, disk] as const))('a raw image of %s', (_, disk) => {
  const folder = sharedFolder();
  let paths: Export;
  beforeAll(async () => {
    paths = await exportDisk(disk, {}, folder);
  });

  test('is the disk, byte for byte', () => {
    run('cmp', paths.raw, paths.disk);
  });

  testWith(['qemu-img'], 'is the same disk to QEMU', () => {
    compareImage('raw', paths.raw, paths.disk);
  });
});

describe('a raw image', () => {
  test('has a hole for every 4 KiB of zeros', async () => {
    const pieces = [0, 2, 5].map((page) => ({ offset: page * 4096, bytes: noise(4096) }));
    const paths = await exportDisk({ name: 'pages', size: 2 ** 20, pieces });
    expect(statSync(paths.raw).blocks * 512).toBe(3 * 4096);
  });
});

describe('an image', () => {
  const made = Object.entries(FORMATS).filter(([name]) => name !== 'raw.zst' || HAS_ZSTD);
  test.each(made)('is the same %s with 1, 2 and 7 threads', async (_, create) => {
    const digests = [];
    for (const threads of [1, 2, 7]) digests.push(await digestOf(create(), threads));
    expect(new Set(digests).size).toBe(1);
  });

  async function digestOf(format: Format, threads: number): Promise<string> {
    const folder = temporaryFolder();
    writeDisk(join(folder, 'disk'), DISKS[5]!); // text and noise
    const target = { format, sink: await fileSink(join(folder, 'image')) };
    await encode(await openSource(join(folder, 'disk')), [target], {
      threads,
      identity: IDENTITY,
    });
    return sha256Of(join(folder, 'image'));
  }

  test('made at a higher level is smaller', async () => {
    const bytes = readFileSync(process.execPath).subarray(0, 2 ** 21);
    const disk: TestDisk = { name: '', size: bytes.length, pieces: [{ offset: 0, bytes }] };
    const sizes = [];
    for (const level of [1, 6, 9] as const) {
      sizes.push(statSync((await exportDisk(disk, { level })).qcow2).size);
    }
    expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
  });
});

describeWith(['mkfs.ext4', 'mkfs.vfat', 'mcopy', 'debugfs', 'qemu-img'], 'a file system', () => {
  const [formats, src] = [join(TOP, 'formats'), join(TOP, 'src')];

  test('of ext4 comes through: its files read back the same', async () => {
    const folder = temporaryFolder();
    const disk = join(folder, 'ext4.img');
    run('mkfs.ext4', '-q', '-d', src, disk, '64M');
    const image = await exportAndConvert(disk, folder);
    run('e2fsck', '-fn', image);
    mkdirSync(join(folder, 'out'));
    run('debugfs', '-R', `rdump / ${join(folder, 'out')}`, image);
    run('diff', '-r', '-x', 'lost+found', src, join(folder, 'out'));
  });

  test('of FAT comes through: its files read back the same', async () => {
    const folder = temporaryFolder();
    const disk = join(folder, 'fat.img');
    run('mkfs.vfat', '-C', disk, '16384');
    run('mcopy', '-s', '-i', disk, formats, '::');
    const image = await exportAndConvert(disk, folder);
    run('mcopy', '-s', '-i', image, '::formats', folder);
    run('diff', '-r', formats, join(folder, 'formats'));
  });

  /** Exports to qcow2, of which QEMU makes a raw disk. */
  async function exportAndConvert(disk: string, folder: string): Promise<string> {
    const image = join(folder, 'image.qcow2');
    const target = { format: qcow2(), sink: await fileSink(image) };
    await encode(await openSource(disk), [target]);
    run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', image, join(folder, 'back.raw'));
    return join(folder, 'back.raw');
  }
});
