// What every format of the registry promises, whatever its bytes.

import { describe, expect, test } from 'vitest';
import { type Format, FORMATS, ova } from '../formats/index.ts';
import { DISKS, type TestDisk } from './support/disks.ts';
import { writeImage } from './support/memory-output.ts';

const FULL: TestDisk[] = DISKS.filter(({ size }) => size <= 64 * 2 ** 20);

await ova().prepare?.();

// Where the table of blocks lies depends on whether its size is known: at the front, or after the blocks.
const LAYOUT_DEPENDS_ON_SIZE = ['vhd-dynamic'];

describe.each(Object.entries(FORMATS))('%s', (name, create) => {
  const format: Format = create();
  const disks = FULL.filter(({ size }) => size % format.sizeMultiple === 0);

  test('is registered under its own name', () => {
    expect(format.name).toBe(name);
  });

  test.each(disks)('gives the same bytes for the same disk: $name', (disk) => {
    const first = writeImage(format, disk).bytes;
    expect(writeImage(format, disk).bytes.equals(first)).toBe(true);
  });

  test.each(disks)('need not know the size beforehand, or says so: $name', (disk) => {
    const write = () => writeImage(format, disk, { sizeKnown: false }).bytes;
    if (format.needsDiskSize) expect(write).toThrow('must be known');
    else if (LAYOUT_DEPENDS_ON_SIZE.includes(name)) expect(write).not.toThrow();
    else expect(write().equals(writeImage(format, disk).bytes)).toBe(true);
  });

  test.each(disks)('keeps its promise to stream: $name', (disk) => {
    if (format.streaming !== 'never') expect(writeImage(format, disk).patches).toBe(0);
    if (format.streaming === 'always') {
      expect(writeImage(format, disk, { sizeKnown: false }).patches).toBe(0);
    }
  });
});
