// VDIs that other programs read, and QEMU writes to. VirtualBox is not in Debian's main archive:
// `vdi.test.ts` checks for the bytes that it requires.

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { vdi } from '../../formats/index.ts';
import { diskWithBlocks, noise, type TestDisk, writeDisk } from '../support/disks.ts';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { compareOutput, compareWithRaw, describeWith, run, testWith } from '../support/peers.ts';
import { diskOf, fileInput, openImage, problemsOf } from '../support/read-image.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

const DISKS: TestDisk[] = [
  { name: '9 MiB of noise', size: 9 * MIB, pieces: [{ offset: 0, bytes: noise(9 * MIB) }] },
  diskWithBlocks(512, [0], 'one sector'),
  diskWithBlocks(3 * MIB + 5 * 512, [1, 47, 48], 'three MiB and an odd tail'),
  diskWithBlocks(5 * MIB, [], 'all zeros'),
  diskWithBlocks(33 * MIB, [15, 16, 31, 32, 511, 527], 'data around the edges of a VDI block'),
  diskWithBlocks(4 * GIB, [0, 65_535], 'four GiB'),
  diskWithBlocks(130 * GIB + 512, [0, 65_536, 130 * 16_384], '130 GiB and a sector'),
  diskWithBlocks(3 * TIB, [0, 3 * 2 ** 24 - 1], 'three TiB'),
];

describe.each(DISKS.map((disk) => [disk.name, disk] as const))('a VDI of %s', (_, disk) => {
  const folder = sharedFolder();
  const imagePath = join(folder, 'image.vdi');
  const diskPath = join(folder, 'disk.raw');

  beforeAll(async () => {
    (await writeImage(vdi(), disk)).save(imagePath);
    writeDisk(diskPath, disk);
  });

  // QEMU knows where a VDI has zeros, and so compares the largest at once.
  testWith(['qemu-img'], 'has no error and is the same disk to QEMU', () => {
    run('qemu-img', 'check', '-f', 'vdi', imagePath);
    compareWithRaw('vdi', imagePath, diskPath);
  });

  testWith(['7zz'], 'has its size to 7-Zip, which has no complaint', () => {
    const list = run('7zz', 'l', '-slt', '-tvdi', imagePath);
    expect(list).toMatch(new RegExp(`^Size = ${disk.size}$`, 'm'));
    expect(list).not.toMatch(/warning|error/i);
  });

  if (disk.size > 64 * MIB) return; // 7-Zip reads every zero

  testWith(['7zz'], 'is the same disk to 7-Zip', () => {
    compareOutput(diskPath, '7zz', 'x', '-so', '-tvdi', imagePath);
  });
});

describeWith(['qemu-img', 'qemu-io'], 'QEMU', () => {
  test('writes into a VDI, and finds no error after', async () => {
    const folder = temporaryFolder();
    const image = join(folder, 'image.vdi');
    const raw = join(folder, 'disk.raw');
    const disk = diskWithBlocks(5 * GIB, [0, 100, 65_536], 'to be written to');
    (await writeImage(vdi(), disk)).save(image);
    writeDisk(raw, disk);
    const writes = ['write -P 7 0 64k', 'write -P 8 8M 3M', `write -P 9 ${5 * GIB - MIB} 1M`];
    const commands = writes.flatMap((write) => ['-c', write]);
    run('qemu-io', '-f', 'vdi', ...commands, image);
    run('qemu-io', '-f', 'raw', ...commands, raw);
    run('qemu-img', 'check', '-f', 'vdi', image);
    compareWithRaw('vdi', image, raw);
    expect(await problemsOf(await openImage(vdi(), fileInput(image)))).toEqual([]);
  });

  test.each(['off', 'on'])('makes one that is read as its disk: static=%s', async (fixed) => {
    const folder = temporaryFolder();
    const disk = diskWithBlocks(7 * MIB + 512, [0, 15, 16, 50, 112], 'odd end');
    const raw = join(folder, 'disk.raw');
    const image = join(folder, 'image.vdi');
    writeDisk(raw, disk);
    run('qemu-img', 'convert', '-f', 'raw', '-O', 'vdi', '-o', `static=${fixed}`, raw, image);
    const input = fileInput(image);
    const reader = await openImage(vdi(), input);
    const subformat = fixed === 'on' ? 'fixed' : 'dynamic';
    expect(reader.facts).toMatchObject({ format: 'vdi', subformat, diskSize: statSync(raw).size });
    expect(await problemsOf(reader)).toEqual([]);
    expect((await diskOf(reader, input)).equals(readFileSync(raw))).toBe(true);
  });
});
