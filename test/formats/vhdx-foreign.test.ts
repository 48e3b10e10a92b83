// VHDXs that other programs read, and QEMU writes to. VirtualBox reads them too, but is not in
// Debian's main archive: `vhdx.test.ts` checks for the bytes that it requires.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { vhdx } from '../../formats/index.ts';
import { diskWithBlocks, noise, type TestDisk, writeDisk } from '../support/disks.ts';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import {
  compareByLibyal,
  compareOutput,
  compareWithRaw,
  describeWith,
  run,
  testWith,
} from '../support/peers.ts';
import { diskOf, fileInput, openImage, problemsOf } from '../support/read-image.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;
const TIB = 2 ** 40;

const FULL: TestDisk = {
  name: '9 MiB of noise',
  size: 9 * MIB,
  pieces: [{ offset: 0, bytes: noise(9 * MIB) }],
};

const DISKS = [
  FULL,
  diskWithBlocks(MIB, [0, 3, 15], 'one MiB'),
  diskWithBlocks(5 * MIB, [], 'all zeros'),
  diskWithBlocks(
    16 * MIB,
    Array.from({ length: 128 }, (_, i) => 2 * i),
    'data in every other block',
  ),
  diskWithBlocks(33 * MIB, [15, 16, 31, 32, 511, 527], 'data around the edges of a VHDX block'),
  diskWithBlocks(4 * GIB, [0, 65_535], 'four GiB'),
  diskWithBlocks(130 * GIB, [0, 65_535, 65_536, 130 * 16_384 - 1], '130 GiB'),
  diskWithBlocks(3 * TIB, [0, 3 * 2 ** 24 - 1], 'three TiB'),
];

const KINDS = [
  { kind: 'a dynamic VHDX', fixed: false, sizeKnown: true },
  { kind: 'a dynamic VHDX of a pipe', fixed: false, sizeKnown: false },
  { kind: 'a fixed VHDX', fixed: true, sizeKnown: true },
  { kind: 'a fixed VHDX of a pipe', fixed: true, sizeKnown: false },
];

// They read every zero of a disk; of larger ones only the data are compared.
const LARGEST_READ_WHOLE = 64 * MIB;

const CASES = DISKS.flatMap((disk) =>
  KINDS.slice(0, 3).map((kind) => ({ ...kind, disk, title: `${kind.kind} of ${disk.name}` })),
);

describe.each(CASES.map((item) => [item.title, item] as const))('%s', (_, item) => {
  const { disk, fixed, sizeKnown } = item;
  const folder = sharedFolder();
  const imagePath = join(folder, 'image.vhdx');
  const diskPath = join(folder, 'disk.raw');

  beforeAll(async () => {
    (await writeImage(vhdx({ fixed }), disk, { sizeKnown })).save(imagePath);
    writeDisk(diskPath, disk);
  });

  testWith(['qemu-img'], 'has no error to QEMU, and each block where it belongs', () => {
    run('qemu-img', 'check', '-f', 'vhdx', imagePath);
    if (disk.size > LARGEST_READ_WHOLE) comparePieces(imagePath, disk);
    else compareWithRaw('vhdx', imagePath, diskPath);
  });

  testWith(['vhdiinfo'], 'has its size and kind to libvhdi', () => {
    const info = run('vhdiinfo', imagePath);
    expect(info).toContain(`(${disk.size} bytes)`);
    expect(info).toMatch(fixed ? /Disk type\s*: Fixed/ : /Disk type\s*: Dynamic/);
  });

  testWith(['7zz'], 'has its size to 7-Zip, which has no complaint', () => {
    const list = run('7zz', 'l', '-slt', '-tvhdx', imagePath);
    expect(list).toMatch(new RegExp(`^Size = ${disk.size}$`, 'm'));
    expect(list).not.toMatch(/warning|error/i);
  });

  if (disk.size > LARGEST_READ_WHOLE) return;

  testWith(['7zz'], 'is the same disk to 7-Zip', () => {
    compareOutput(diskPath, '7zz', 'x', '-so', '-tvhdx', imagePath);
  });

  // In fixed images larger than 4 GiB libvhdi (20210425) takes the table's entries for sector
  // bitmaps to be those of blocks.
  testWith(['python3:pyvhdi'], 'is the same disk to libvhdi', () => {
    compareByLibyal('pyvhdi', imagePath, diskPath);
  });
});

/** Throws unless QEMU finds each piece of a disk in its image. */
function comparePieces(image: string, { pieces }: TestDisk): void {
  for (const { offset, bytes } of pieces) {
    const window = `driver=raw,offset=${offset},size=${bytes.length}`;
    const options = `${window},file.driver=vhdx,file.file.filename=${image}`;
    run('qemu-img', 'convert', '--image-opts', '-O', 'raw', options, `${image}.piece`);
    if (!readFileSync(`${image}.piece`).equals(bytes)) throw new Error(`differs at ${offset}`);
  }
}

describeWith(['qemu-img', 'qemu-io'], 'QEMU', () => {
  test.each(KINDS)('writes into $kind, and finds no error after', async ({ fixed, sizeKnown }) => {
    const folder = temporaryFolder();
    const disk = diskWithBlocks(5 * GIB, [0, 100, 65_536], 'to be written to');
    const image = join(folder, 'image.vhdx');
    const raw = join(folder, 'disk.raw');
    (await writeImage(vhdx({ fixed }), disk, { sizeKnown })).save(image);
    writeDisk(raw, disk);
    const writes = [
      'write -P 7 0 64k', // over what is there
      'write -P 8 8M 3M', // blocks that were zeros
      `write -P 9 ${4 * GIB - MIB} 2M`, // on both sides of a sector bitmap's entry
      `write -P 10 ${5 * GIB - MIB} 1M`,
    ].flatMap((write) => ['-c', write]);
    run('qemu-io', '-f', 'vhdx', ...writes, image);
    run('qemu-io', '-f', 'raw', ...writes, raw);
    run('qemu-img', 'check', '-f', 'vhdx', image);
    const reads = writes.map((write) => write.replace('write', 'read'));
    expect(run('qemu-io', '-r', '-f', 'vhdx', ...reads, image)).not.toContain('failed');
    comparePieces(image, { ...disk, pieces: disk.pieces.slice(1, 2) });
    const verdict = kexport(['verify', image, '--against', raw, '-q']);
    expect(verdict).toMatchObject({ status: 0, stderr: '' });
  });

  test.each([
    ['dynamic', 'block_size=1M'],
    ['dynamic', 'block_size=2M'],
    ['dynamic', 'block_size=8M'],
    ['dynamic', 'block_size=32M'],
    ['dynamic', 'block_size=256M'],
    ['dynamic', 'block_state_zero=off'],
    ['dynamic', 'log_size=2M'],
    ['fixed', 'block_size=1M'],
    ['fixed', 'block_size=16M'],
  ])('makes one that is read as its disk: %s, %s', async (subformat, option) => {
    const folder = temporaryFolder();
    const disk = diskWithBlocks(70 * MIB + 512, [0, 15, 16, 500, 1120], 'odd end');
    const raw = join(folder, 'disk.raw');
    const image = join(folder, 'image.vhdx');
    writeDisk(raw, disk);
    const options = `subformat=${subformat},${option}`;
    run('qemu-img', 'convert', '-f', 'raw', '-O', 'vhdx', '-o', options, raw, image);
    const input = fileInput(image);
    const reader = await openImage(vhdx(), input);
    expect(reader.facts).toMatchObject({ subformat, diskSize: disk.size });
    expect(await problemsOf(reader)).toEqual([]);
    const found = await diskOf(reader, input);
    const expected = Buffer.alloc(disk.size);
    for (const { offset, bytes } of disk.pieces) bytes.copy(expected, offset);
    expect(found.equals(expected)).toBe(true);
  });
});
