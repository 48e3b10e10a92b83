// What partitions and file systems are called, against the programs that make and name them.

import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { contentOf } from '../../src/inspect/content.ts';
import { GPT_TYPE_NAMES } from '../../src/inspect/gpt-type-names.ts';
import { MBR_TYPE_NAMES } from '../../src/inspect/mbr-type-names.ts';
import { typeName } from '../../src/inspect/type-name.ts';
import { headView } from '../../src/partitions/disk-view.ts';
import { temporaryFolder } from '../support/folder.ts';
import { describeWith, run } from '../support/peers.ts';
import { capturedLabels } from '../support/zfs-labels.ts';

const MIB = 2 ** 20;

describeWith(['sfdisk'], 'the words for a partition type', () => {
  /** The types of a label as sfdisk lists them. */
  const listed = (label: string) => {
    const lines = run('sfdisk', '--label', label, '--list-types').split('\n');
    return new Map(
      lines.flatMap((line) => {
        const [, id = '', name = ''] = /^ ?([0-9A-Fa-f-]+) {2}(.+)$/.exec(line) ?? [];
        return id === '' ? [] : [[id.toUpperCase(), name] as const];
      }),
    );
  };

  test('of GPT are those of util-linux', () => {
    const names = listed('gpt');
    for (const [guid, name] of Object.entries(GPT_TYPE_NAMES)) expect(names.get(guid)).toBe(name);
    expect(typeName('0FC63DAF-8483-4772-8E79-3D69D8477DE4')).toBe('Linux filesystem');
  });

  test('of MBR are those of util-linux', () => {
    const names = listed('dos');
    for (const [type, name] of Object.entries(MBR_TYPE_NAMES)) {
      expect(names.get(Number(type).toString(16).toUpperCase())).toBe(name);
    }
    expect(typeName('0x8E')).toBe('Linux LVM');
    expect(typeName('0x00')).toBeUndefined();
  });
});

describeWith(['mkfs.ext4', 'mkfs.xfs', 'mkfs.vfat', 'mkswap'], 'what a partition holds', () => {
  test.each([
    ['ext2', 'an ext2 file system', 16, ['mkfs.ext4', '-q', '-F', '-t', 'ext2']],
    ['ext3', 'an ext3 file system', 16, ['mkfs.ext4', '-q', '-F', '-t', 'ext3']],
    ['ext4', 'an ext4 file system', 16, ['mkfs.ext4', '-q', '-F']],
    ['xfs', 'an XFS file system', 320, ['mkfs.xfs', '-q']],
    ['fat16', 'a FAT16 file system', 32, ['mkfs.vfat', '-F', '16']],
    ['swap', 'swap space', 16, ['mkswap', '-q']],
    ['swap', 'swap space', 16, ['mkswap', '-q', '-p', '65536']],
  ])('is told as %s: %s', async (kind, title, mebibytes, [program = '', ...args]) => {
    const path = join(temporaryFolder(), 'disk');
    writeFileSync(path, '');
    truncateSync(path, mebibytes * MIB);
    run(program, ...args, path);
    const head = readFileSync(path).subarray(0, MIB);
    expect(await contentOf(headView(head))).toEqual({ kind, title });
  });
});

describe('a ZFS label', () => {
  const [{ label } = { label: new Uint8Array() }] = capturedLabels('multihost', 128 * MIB);

  test('names the pool, its state and the host that has it imported', async () => {
    expect(await contentOf(headView(label))).toMatchObject({
      kind: 'zfs',
      pool: { state: 'active', guid: expect.stringMatching(/^\d+$/) as string },
    });
  });

  test('with a wrong checksum is no label', async () => {
    const damaged = label.slice();
    damaged[20_000]! ^= 1; // within the list
    expect(await contentOf(headView(damaged))).toBeUndefined();
  });
});

test('whatever a partition begins with, looking at it does not fail', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 8192, size: 'max' }), async (bytes) => {
      await contentOf(headView(bytes));
    }),
  );
});
