// What every format of the registry promises, whatever its bytes.

import { describe, expect, test } from 'vitest';
import { FORMATS } from '../formats/index.ts';
import { DISKS, type TestDisk } from './support/disks.ts';
import { writeImage } from './support/memory-output.ts';

const FULL: TestDisk[] = DISKS.filter(({ size }) => size <= 64 * 2 ** 20);

describe.each(Object.entries(FORMATS))('%s', (name, create) => {
  const format = create();
  const disks = FULL.filter(({ size }) => size % format.sizeMultiple === 0);

  test('is registered under its own name', () => {
    expect(format.name).toBe(name);
  });

  test.each(disks)('gives the same bytes for the same disk: $name', (disk) => {
    const first = writeImage(format, disk).bytes;
    expect(writeImage(format, disk).bytes.equals(first)).toBe(true);
  });

  test.each(disks)('need not know the size beforehand: $name', (disk) => {
    const known = writeImage(format, disk).bytes;
    expect(writeImage(format, disk, { sizeKnown: false }).bytes.equals(known)).toBe(true);
  });

  test.each(disks)('keeps its promise to stream: $name', (disk) => {
    if (format.streaming !== 'never') expect(writeImage(format, disk).patches).toBe(0);
    if (format.streaming === 'always') {
      expect(writeImage(format, disk, { sizeKnown: false }).patches).toBe(0);
    }
  });
});
