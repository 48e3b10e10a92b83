import { describe, expect, test } from 'vitest';
import { liveSource, type Replacements } from '../../src/live/live-source.ts';
import { joinGroups, singleGroups } from '../../src/live/disk-extents.ts';
import { memoryDisk } from '../support/memory-disk.ts';
import { extentsOf } from '../support/read-source.ts';

const SIZE = 10 * 65_536 + 512;
const signal = new AbortController().signal;

const open = (replacements: Partial<Replacements>, log: string[] = []) =>
  liveSource(
    'disk',
    SIZE,
    memoryDisk(new Uint8Array(SIZE).fill(1)),
    { zeros: joinGroups([]), copies: [], edits: [], ...replacements },
    {
      check: () => undefined,
      finish: () => Promise.resolve(void log.push('finish')),
      release: () => Promise.resolve(void log.push('release')),
    },
  );

/** The disk of a source, and the extents that it gave. */
async function readAll(source: ReturnType<typeof open>) {
  const disk = new Uint8Array(SIZE);
  const extents: [number, number][] = [];
  for await (const { diskOffset, length, bytes } of extentsOf(source, 4 * 65_536)) {
    disk.set(bytes, diskOffset);
    extents.push([diskOffset, length]);
  }
  return { disk, extents };
}

describe('a disk in use', () => {
  test('is read with replacements that begin and end anywhere', async () => {
    const expected = new Uint8Array(SIZE).fill(1);
    expected.fill(0, 70_000, 400_000);
    expected.fill(3, 500_000, 501_000);
    expected.fill(2, 65_536, 66_048);
    const source = open({
      zeros: joinGroups(singleGroups([{ start: 70_000, end: 400_000 }])),
      copies: [
        {
          diskOffset: 500_000,
          size: 1000,
          read: (_, target) => Promise.resolve(void target.fill(3)),
          close: () => Promise.resolve(),
        },
      ],
      edits: [{ diskOffset: 65_536, bytes: new Uint8Array(512).fill(2) }],
    });
    const { disk, extents } = await readAll(source);
    expect(Buffer.compare(disk, expected)).toBe(0);
    expect(extents).toEqual([
      [0, 131_072],
      [393_216, 262_144],
      [655_360, 512],
    ]);
    const some = new Uint8Array(1000);
    expect(await source.read?.(65_500, some)).toBe(1000);
    expect(Buffer.compare(some, expected.subarray(65_500, 66_500))).toBe(0);
  });

  test('is read once, then checked, then released', async () => {
    const log: string[] = [];
    const source = open({}, log);
    await readAll(source);
    expect(await source.next(new Uint8Array(65_536), signal)).toBeUndefined();
    expect(log).toEqual(['finish']);
    await source.close();
    expect(log).toEqual(['finish', 'release']);
  });
});
