// Images that attack the reader, or were damaged, one by one; `npm run fuzz` makes many more.

import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { qcow2, vmdk } from '../../formats/index.ts';
import { header as qcow2Header, snapshot } from '../../formats/qcow2/layout.ts';
import { header } from '../../formats/vmdk/layout.ts';
import { diskWithBlocks } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { BOOT_DISK, fixturePath } from '../support/project.ts';
import { diskOf, openImage, problemsOf } from '../support/read-image.ts';
import { writeImage } from '../support/write-image.ts';

const MIB = 2 ** 20;
const SECTOR = 512;
const FIRST_GRAIN = 65_536;
const image = (await writeImage(vmdk(), diskWithBlocks(4 * MIB, Array(64).keys()))).bytes;
const footer = header.decode(image.subarray(-1024));
const directory = Number(footer.gdOffset) * SECTOR;
const table = image.readUInt32LE(directory) * SECTOR;

function changed(change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(image);
  change(copy);
  return copy;
}

/** Exports the disk in an image by the command. */
function exported(bytes: Buffer) {
  return kexport(['raw', 'x.vmdk', '-o', 'x.raw'], { cwd: folderWith({ 'x.vmdk': bytes }) });
}

describe('a VMDK', () => {
  test('with a grain that inflates to 16 MiB is refused after one grain', () => {
    const bomb = deflateSync(Buffer.alloc(16 * MIB));
    const { status, stderr } = exported(
      changed((copy) => {
        copy.writeUInt32LE(bomb.length, FIRST_GRAIN + 8);
        // This overwrites the grains that follow, which are not reached.
        bomb.copy(copy, FIRST_GRAIN + 12);
        copy.fill(0, table + 4, table + 4 * 64);
      }),
    );
    expect(stderr).toContain('it gives more than 65536 bytes');
    expect(status).toBe(1);
  });

  test('with a table that names itself cannot be read', async () => {
    const self = changed((copy) => copy.writeUInt32LE(table / SECTOR, table));
    const reader = await openImage(vmdk(), self);
    await expect(diskOf(reader, self)).rejects.toThrow('the stream at');
    expect((await problemsOf(reader)).join()).toMatch(/the marker of grain 0 at sector/);
  });

  test('with a directory that names itself cannot be read', async () => {
    const self = changed((copy) => copy.writeUInt32LE(directory / SECTOR, directory));
    const reader = await openImage(vmdk(), self);
    await expect(diskOf(reader, self)).rejects.toThrow();
    expect(await problemsOf(reader)).not.toEqual([]);
  });

  test('with grains that overlap is found damaged', async () => {
    const first = FIRST_GRAIN / SECTOR;
    const lba = Buffer.alloc(8);
    const overlap = changed((copy) => {
      copy.writeUInt32LE(first, table + 4);
      lba.writeBigUInt64LE(128n);
    });
    expect((await problemsOf(await openImage(vmdk(), overlap))).join()).toMatch(
      `the marker of grain 1 at sector ${first} is for disk sector 0, expected 128`,
    );
  });

  test.each([
    [
      'another size of the disk',
      { capacity: footer.capacity * 2n },
      'capacity is 16384 in the footer',
    ],
    [
      'another size of grains',
      { grainSize: 8n },
      'grainSize is 8 in the footer, but 128 in the header',
    ],
    ['a directory past the end', { gdOffset: 2n ** 31n }, 'the grain directory at'],
    ['no directory', { gdOffset: 2n ** 64n - 1n }, 'the footer does not say where'],
  ])('with a footer that has %s is refused', async (_, values, message) => {
    const lying = changed((copy) =>
      copy.set(header.encode({ ...footer, ...values }), copy.length - 1024),
    );
    await expect(openImage(vmdk(), lying)).rejects.toThrow(message);
  });

  test('with an endless descriptor is read, or refused with the line', async () => {
    const spaces = changed((copy) => copy.fill('\n', copy.indexOf(0, 600), 21 * SECTOR));
    await expect(openImage(vmdk(), spaces)).resolves.toBeDefined();
    const noise = changed((copy) => copy.fill('x', copy.indexOf(0, 600), 21 * SECTOR));
    await expect(openImage(vmdk(), noise)).rejects.toThrow(
      /line \d+ of the descriptor cannot be read: "x+\.\.\."/,
    );
  });
});

test('a snapshot with a long name does not make a long message', async () => {
  const good = (await writeImage(qcow2(), diskWithBlocks(4 * MIB, [0]))).bytes;
  const named = snapshot.encode({ ...snapshot.decode(Buffer.alloc(40)), nameSize: 60_000 });
  const table = Buffer.concat([named, Buffer.alloc(65_536 - 40, 'x')]);
  const values = { snapshotCount: 1, snapshotsOffset: BigInt(good.length) };
  good.set(qcow2Header.encode({ ...qcow2Header.decode(good), ...values }));
  const opening = openImage(qcow2({ internalSnapshot: 'y' }), Buffer.concat([good, table]));
  await expect(opening).rejects.toThrow(/^qcow2: there is no snapshot "y".* \(x{900,1000}\.\.\.$/);
});

test('a qcow2 with an L1 table of 2^31 entries is refused', async () => {
  const good = (await writeImage(qcow2(), diskWithBlocks(4 * MIB, [0]))).bytes;
  const values = qcow2Header.decode(good);
  good.set(qcow2Header.encode({ ...values, l1Size: 2 ** 31 }));
  await expect(openImage(qcow2(), good)).rejects.toThrow(/L1|l1/);
});

describe('an image of open-vmdk', () => {
  const disk = readFileSync(BOOT_DISK);
  const fixture = (name: string) => readFileSync(fixturePath('images', name));

  test('gives its disk and has no problem', async () => {
    const found = fixture('open-vmdk.vmdk');
    const reader = await openImage(vmdk(), found);
    expect((await diskOf(reader, found)).equals(disk)).toBe(true);
    expect(await problemsOf(reader)).toEqual([]);
  });

  test.each(['cut.vmdk', 'flipped.vmdk'])('that was damaged gives no disk: %s', async (name) => {
    const found = fixture(name);
    const read = async () => diskOf(await openImage(vmdk(), found), found);
    await expect(read()).rejects.toThrow();
  });
});
