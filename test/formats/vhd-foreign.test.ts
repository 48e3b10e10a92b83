// VHDs read by other programs. Each must find the disk that was exported, byte for byte.

import { join } from 'node:path';
import { beforeAll, describe, expect } from 'vitest';
import { vhd, vhdDynamic } from '../../formats/index.ts';
import { diskWithBlocks, writeDisk } from '../support/disks.ts';
import { sharedFolder } from '../support/folder.ts';
import { compareByLibyal, compareOutput, compareWithRaw, run, testWith } from '../support/peers.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

const DISKS = [
  diskWithBlocks(512, [0], 'one sector'),
  diskWithBlocks(MIB, [0, 3, 15], 'one MiB'),
  diskWithBlocks(MIB + 512, [0, 16], 'one MiB and a sector'),
  diskWithBlocks(3 * MIB + 5 * 512, [1, 47, 48], 'three MiB and an odd tail'),
  diskWithBlocks(5 * MIB, [], 'all zeros'),
  diskWithBlocks(16 * MIB, evenNumbers(256), 'data in every other block'),
  diskWithBlocks(8 * MIB, [31, 32, 95, 96, 127], 'data around the edges of a VHD block'),
  diskWithBlocks(5 * GIB, [0, 40_000, 5 * 16_384 - 1], 'five GiB with little in it'),
  diskWithBlocks(2040 * GIB, [0, 2040 * 16_384 - 1], 'the largest, 2040 GiB'),
];

function evenNumbers(end: number): number[] {
  return Array.from({ length: end / 2 }, (_, i) => 2 * i);
}

const IMAGES = [
  { kind: 'a fixed VHD', format: vhd({ align: 'none' }), sizeKnown: true },
  { kind: 'a dynamic VHD', format: vhdDynamic(), sizeKnown: true },
  { kind: 'a dynamic VHD of a pipe', format: vhdDynamic(), sizeKnown: false },
];

const CASES = DISKS.flatMap((disk) =>
  IMAGES.map((image) => ({ ...image, disk, title: `${image.kind} of ${disk.name}` })),
);

describe.each(CASES.map((item) => [item.title, item] as const))('%s', (_, item) => {
  const { format, disk, sizeKnown } = item;
  const folder = sharedFolder();
  const imagePath = join(folder, `image.${format.extension}`);
  const diskPath = join(folder, 'disk.raw');

  beforeAll(async () => {
    (await writeImage(format, disk, { sizeKnown })).save(imagePath);
    writeDisk(diskPath, disk);
  });

  testWith(['qemu-img'], 'is the same disk to QEMU', () => {
    compareWithRaw('vpc', imagePath, diskPath);
  });

  testWith(['vhdiinfo'], 'has its size and identity to libvhdi', () => {
    const info = run('vhdiinfo', imagePath);
    expect(info).toContain(`(${disk.size} bytes)`);
    expect(info).toMatch(/10111213-1415-4617-b819-1a1b1c1d1e1[ed]/);
  });

  // They read every zero of a disk.
  if (disk.size > 64 * MIB) return;

  testWith(['7zz'], 'is the same disk to 7-Zip', () => {
    compareOutput(diskPath, '7zz', 'x', '-so', '-tvhd', imagePath);
  });

  testWith(['python3:pyvhdi'], 'is the same disk to libvhdi', () => {
    compareByLibyal('pyvhdi', imagePath, diskPath);
  });
});
