import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { headView } from '../../../src/partitions/disk-view.ts';
import { findGpt, readEntries } from '../../../src/partitions/gpt.ts';
import {
  ALIGNMENT,
  diskSizeFor,
  encodeTable,
  type GoldenLayout,
  newGuids,
  planLayout,
  type SourceTable,
} from '../../../src/zfs/golden/layout.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { describeWith, run } from '../../support/peers.ts';

const GIB = 2 ** 30;

/** A disk that `sgdisk` partitions. */
async function tableOf(size: number, ...options: readonly string[]): Promise<SourceTable> {
  const path = join(temporaryFolder(), 'disk');
  writeFileSync(path, '');
  truncateSync(path, size);
  run('sgdisk', ...options, path);
  const head = readFileSync(path).subarray(0, ALIGNMENT);
  const gpt = await findGpt(headView(head));
  const entries = gpt && (await readEntries(headView(head), gpt));
  if (!gpt || !entries || 'problem' in entries) throw new Error('sgdisk makes a sound GPT');
  return { ...gpt, entries, start: head.subarray(0, 1024), diskSize: size };
}

/** What `sgdisk` prints of an image with that table. */
function printed(table: SourceTable, layout: GoldenLayout, ...options: readonly string[]): string {
  const path = join(temporaryFolder(), 'image');
  const file = openSync(path, 'wx');
  for (const { diskOffset, bytes } of encodeTable(table, layout, newGuids())) {
    writeSync(file, bytes, 0, bytes.length, diskOffset);
  }
  closeSync(file);
  return run('sgdisk', ...options, path);
}

const ESP = ['-n', '1:1M:+64M', '-t', '1:ef00', '-c', '1:ESP'];
const POOL = ['-n', '2:0:+400M', '-t', '2:bf00', '-c', '2:rpool'];
const SWAP = ['-n', '3:0:0', '-t', '3:8200'];

describeWith(['sgdisk'], 'the partition table of a golden image', () => {
  test('has the places of the source if the size is the same', async () => {
    const table = await tableOf(GIB, ...ESP, ...POOL, ...SWAP);
    const { partitions, diskSize } = planLayout(table, 2);
    expect(diskSize).toBe(GIB);
    for (const { diskOffset, size, sourceOffset, sourceSize } of partitions) {
      expect([diskOffset, size]).toEqual([sourceOffset, sourceSize]);
    }
  });

  test.each([GIB / 2 + 100 * ALIGNMENT, 3 * GIB])(
    'of %s bytes resizes the pool, and moves what is behind it',
    async (diskSize) => {
      const table = await tableOf(GIB, ...ESP, '-n', '2:0:-100M', '-t', '2:bf00', ...SWAP);
      const layout = planLayout(table, 2, diskSize);
      const [esp, pool, swap] = layout.partitions;
      expect(esp?.diskOffset).toBe(ALIGNMENT);
      expect(pool?.diskOffset).toBe(pool?.sourceOffset);
      expect(swap?.size).toBe(swap?.sourceSize);
      const gap = pool!.sourceOffset + pool!.sourceSize - swap!.sourceOffset;
      expect(pool!.diskOffset + pool!.size - swap!.diskOffset).toBe(gap);
      expect(diskSize - swap!.diskOffset - swap!.size).toBeLessThan(2 * ALIGNMENT);
      expect(printed(table, layout, '-v')).toContain('No problems found');
    },
  );

  test('has GUIDs of its own, and the types and names of the source', async () => {
    const table = await tableOf(GIB, ...ESP, ...POOL);
    const layout = planLayout(table, 2, 2 * GIB);
    const [first = '', second = ''] = [1, 2].map(() => printed(table, layout, '-p', '-i', '2'));
    expect(first).toContain("Partition name: 'rpool'");
    const disk = (text: string) => /Disk identifier \(GUID\): (\S+)/.exec(text)?.[1];
    const partition = (text: string) => /Partition unique GUID: (\S+)/.exec(text)?.[1];
    const type = (text: string) => /Partition GUID code: (\S+)/.exec(text)?.[1];
    expect(disk(first)).not.toBe(disk(second));
    expect(partition(first)).not.toBe(partition(second));
    expect(type(first)).toBe(layout.pool.type);
    expect(layout.pool.guid).not.toBe(partition(first));
  });

  test('shows this machine the pool alone, without its name', async () => {
    const table = await tableOf(GIB, ...ESP, ...POOL);
    const layout = planLayout(table, 2);
    const [, { bytes }] = encodeTable(table, layout, newGuids(), layout.pool);
    expect(bytes.subarray(0, 128).every((byte) => byte === 0)).toBe(true);
    expect(Buffer.from(bytes).includes(Buffer.from('rpool', 'utf16le'))).toBe(false);
  });

  test('has room for the pool on a disk of the size that is asked for', async () => {
    const table = await tableOf(GIB, ...ESP, ...POOL, ...SWAP);
    for (const poolSize of [1, 300 * ALIGNMENT + 1, 7 * GIB]) {
      const size = diskSizeFor(table, planLayout(table, 2, GIB / 2), poolSize);
      expect(planLayout(table, 2, size).pool.size).toBeGreaterThanOrEqual(poolSize);
    }
  });

  test('does not move the boot code of a BIOS, whose place the MBR has', async () => {
    const table = await tableOf(GIB, ...POOL, '-n', '4:0:+1M', '-t', '4:ef02');
    expect(planLayout(table, 2).partitions).toHaveLength(2);
    expect(() => planLayout(table, 2, 2 * GIB)).toThrow(/partition 4, for booting by a BIOS/);
  });
});

test('GUIDs are random, of version 4, and stay', () => {
  const guidOf = newGuids();
  expect(guidOf(1)).toBe(guidOf(1));
  expect(guidOf(1)).not.toEqual(guidOf(2));
  expect([guidOf(0)[7]! >> 4, guidOf(0)[8]! >> 6]).toEqual([4, 2]);
});
