// The rules that every format of the registry must follow.

import { describe, expect, test } from 'vitest';
import { type Format, FORMATS } from '../../formats/index.ts';
import { DISKS, type TestDisk } from '../support/disks.ts';
import type { MemoryImage } from '../support/memory-image.ts';
import { diskOf, openImage, problemsOf, unpackedDisk } from '../support/read-image.ts';
import { writeImage } from '../support/write-image.ts';

const FULL: TestDisk[] = DISKS.filter(({ size }) => size <= 64 * 2 ** 20);

// Formats that put a table at the front only if the size of the disk is known, else after the
// blocks.
const LAYOUT_DEPENDS_ON_SIZE = ['qcow2', 'vhd-dynamic', 'vhdx', 'containerdisk'];

// Others have no disk to read back.
const WITH_DISK = Object.entries(FORMATS).filter(([, create]) => !create().describes);

describe.each(WITH_DISK)('%s', (name, create) => {
  const format: Format = create();
  const disks = FULL.filter(({ size }) => size % format.sizeMultiple === 0);

  const imageOf = once((disk) => writeImage(format, disk));
  const lateImageOf = once((disk) => writeImage(format, disk, { sizeKnown: false }));

  test('is registered under its own name', () => {
    expect(format.name).toBe(name);
  });

  test.each(disks)('gives the same bytes for the same disk: $name', async (disk) => {
    expect((await writeImage(format, disk)).bytes.equals((await imageOf(disk)).bytes)).toBe(true);
  });

  test.each(disks)('need not know the size beforehand, or says so: $name', async (disk) => {
    if (format.needsDiskSize) {
      await expect(lateImageOf(disk)).rejects.toThrow('must be known');
    } else if (LAYOUT_DEPENDS_ON_SIZE.includes(name)) {
      await expect(lateImageOf(disk)).resolves.toBeDefined();
    } else {
      expect((await lateImageOf(disk)).bytes.equals((await imageOf(disk)).bytes)).toBe(true);
    }
  });

  test.each(disks)('reads back as the same disk, and is sound: $name', async (disk) => {
    const { bytes } = await imageOf(disk);
    const expected = Buffer.alloc(disk.size);
    for (const { offset, bytes: piece } of disk.pieces) expected.set(piece, offset);
    if (format.packed) {
      expect(unpackedDisk(format.packed, bytes).equals(expected)).toBe(true);
      return;
    }
    const reader = await openImage(format, bytes);
    const found = await diskOf(reader, bytes);
    expect(found.equals(expected)).toBe(true);
    expect(await problemsOf(reader)).toStrictEqual([]);
  });

  test.each(disks)('keeps its promise to stream: $name', async (disk) => {
    if (format.streaming !== 'never') expect((await imageOf(disk)).patches).toBe(0);
    if (format.streaming === 'always') expect((await lateImageOf(disk)).patches).toBe(0);
  });
});

/** Makes an image of each disk when it is first asked for, as packing takes its time. */
function once(
  write: (disk: TestDisk) => Promise<MemoryImage>,
): (disk: TestDisk) => Promise<MemoryImage> {
  const images = new Map<TestDisk, Promise<MemoryImage>>();
  return (disk) => {
    const image = images.get(disk) ?? write(disk);
    images.set(disk, image);
    return image;
  };
}
