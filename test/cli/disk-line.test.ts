import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diskLine } from '../../src/cli/print/disk-line.ts';

const GIB = 2 ** 30;
const ESP = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';
const LINUX = '0FC63DAF-8483-4772-8E79-3D69D8477DE4';

function partition(index: number, diskOffset: number, size: number, type = LINUX) {
  return { index, type, diskOffset, size, name: '\u001b[2J' };
}

describe('the drawing of a disk', () => {
  test('shows partitions by their share, small ones by their number, and room that is free', () => {
    const parts = [partition(1, 2 ** 20, 2 ** 29, ESP), partition(2, GIB, 60 * GIB)];
    expect(diskLine(parts, 100 * GIB, 60)).toBe(
      '  |1|2 Linux filesystem-------------|.....................|\n',
    );
  });

  test('fits the columns, whatever the disk', () => {
    const disk = fc.tuple(
      fc.array(fc.tuple(fc.nat(2 ** 40), fc.integer({ min: 1, max: 2 ** 40 })), { maxLength: 40 }),
      fc.integer({ min: 1, max: 250 }),
    );
    fc.assert(
      fc.property(disk, ([sizes, columns]) => {
        let end = 0;
        const parts = sizes.map(([gap, size], index) => {
          const part = partition(index + 1, end + gap, size);
          end += gap + size;
          return part;
        });
        const line = diskLine(parts, end + 1, columns);
        if (line !== undefined) expect(line.length - 1).toBe(columns - 1);
      }),
    );
  });

  test('is left out where partitions overlap, or are too many', () => {
    expect(diskLine([partition(1, 0, 10), partition(2, 5, 10)], 20, 80)).toBeUndefined();
    const many = Array.from({ length: 128 }, (_, index) => partition(index + 1, index, 1));
    expect(diskLine(many, 128, 80)).toBeUndefined();
    expect(diskLine([], 128, 80)).toBeUndefined();
  });
});
