import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  joinGroups,
  singleGroups,
  extentCollector,
  type DiskExtents,
} from '../../src/live/disk-extents.ts';

const listed = (extents: DiskExtents) =>
  Array.from({ length: extents.count }, (_, index) => [extents.start(index), extents.end(index)]);

describe('extents', () => {
  test('of several partitions come in the order of the disk', () => {
    const all = joinGroups([
      { bounds: [0, 10, 20, 30], diskOffset: 1000 },
      { bounds: [], diskOffset: 0 },
      { bounds: Float64Array.of(5, 6), diskOffset: 100 },
      ...singleGroups([
        { start: 0, end: 7 },
        { start: 2000, end: 2001 },
      ]),
    ]);
    expect(listed(all)).toEqual([
      [0, 7],
      [105, 106],
      [1000, 1010],
      [1020, 1030],
      [2000, 2001],
    ]);
    expect([0, 6, 7, 105, 106, 1020, 2001].map((offset) => all.firstEndingAfter(offset))).toEqual([
      0, 0, 1, 1, 2, 3, 5,
    ]);
  });

  test('that touch are joined', () => {
    const collector = extentCollector(10);
    collector.add(0, 512);
    collector.add(512, 1024);
    collector.add(2048, 4096);
    expect([...collector.found()]).toEqual([0, 1024, 2048, 4096]);
  });

  test('that are too many are left out, the shortest first, and none grows', () => {
    const lengths = fc.array(
      fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 64 })),
      {
        maxLength: 300,
      },
    );
    fc.assert(
      fc.property(lengths, fc.integer({ min: 1, max: 40 }), (pieces, limit) => {
        const collector = extentCollector(limit);
        const all = new Map<number, number>();
        let at = 0;
        for (const [gap, length] of pieces) {
          at += gap * 512;
          all.set(at, at + length * 512);
          collector.add(at, at + length * 512);
          at += length * 512;
        }
        const found = collector.found();
        expect(found.length).toBeLessThanOrEqual(2 * limit);
        for (let i = 0; i < found.length; i += 2) expect(all.get(found[i]!)).toBe(found[i + 1]);
        if (pieces.length <= limit) expect(found.length).toBe(2 * pieces.length);
      }),
    );
  });
});
