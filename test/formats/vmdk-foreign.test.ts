// VMDKs read by other programs. Each must find the disk that was exported, byte for byte.

import { join } from 'node:path';
import { encode, fileSink, openSource, vmdk } from 'kexport';
import { beforeAll, describe, expect } from 'vitest';
import { diskWithBlocks, noise, type TestDisk, writeDisk } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import { compareByLibyal, compareOutput, compareWithRaw, run, testWith } from '../support/peers.ts';
import { writeImage } from '../support/write-image.ts';
import { every, GRAIN } from './vmdk-walker.ts';

const MIB = 2 ** 20;

const DISKS: TestDisk[] = [
  diskWithBlocks(GRAIN, [0], 'one-grain'),
  diskWithBlocks(32 * MIB, every(1, 0, 512), 'one-full-table'),
  diskWithBlocks(32 * MIB + GRAIN, every(1, 0, 513), 'one-full-table-and-a-grain'),
  diskWithBlocks(64 * MIB, every(2, 0, 1024), 'every-other-grain'),
  diskWithBlocks(64 * MIB, [], 'only-zeros'),
  { name: 'noise', size: 8 * MIB, pieces: [{ offset: 0, bytes: noise(8 * MIB) }] },
  diskWithBlocks(4096 * MIB + GRAIN, [0, 65_536], 'first-and-last-of-more-than-4-GiB'),
];

describe.each(DISKS)('a VMDK of $name', (disk) => {
  const isLarge = disk.size > 64 * MIB;
  const folder = sharedFolder();
  const diskPath = join(folder, 'disk.raw');
  const imagePath = join(folder, `${disk.name}.vmdk`);

  beforeAll(async () => {
    writeDisk(diskPath, disk);
    if (isLarge) {
      // An export would read all its zeros.
      const identity = { name: disk.name };
      (await writeImage(vmdk(), disk, { identity })).save(imagePath);
      return;
    }
    const target = { format: vmdk(), sink: await fileSink(imagePath) };
    await encode(await openSource(diskPath), [target], { identity: { name: disk.name } });
  });

  testWith(['qemu-img'], 'is the same disk to QEMU', () => {
    compareWithRaw('vmdk', imagePath, diskPath);
  });

  testWith(['7zz'], 'is the same disk to 7-Zip', () => {
    compareOutput(diskPath, '7zz', 'x', '-so', '-tvmdk', imagePath);
  });

  testWith(['python3:pyvmdk'], 'is the same disk to libvmdk', () => {
    compareByLibyal('pyvmdk', imagePath, diskPath);
  });

  testWith(['vmdkinfo'], 'has its type, size and extent to libvmdk', () => {
    const info = run('vmdkinfo', imagePath);
    expect(info).toMatch(/Disk type:\s+Stream optimized/);
    expect(info).toMatch(new RegExp(`Media size:.*\\b${disk.size} bytes`));
    expect(info).toMatch(new RegExp(`Filename:\\s+${disk.name}\\.vmdk\\n`));
  });

  // It reads by libvmdk as well, so the large disk would only take its time again.
  if (isLarge) return;

  testWith(['img_cat'], 'is the same disk to sleuthkit', () => {
    compareOutput(diskPath, 'img_cat', '-i', 'vmdk', imagePath);
  });
});
