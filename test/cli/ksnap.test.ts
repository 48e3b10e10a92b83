import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { fields } from '../../src/zfs/run.ts';
import { groupSets } from '../../src/zfs/snapshot-sets.ts';
import { linesOf, recorded, replayFolder } from '../support/recorded.ts';

const KSNAP = join(import.meta.dirname, '../../dist/src/cli/ksnap.js');

/** Runs ksnap where zfs answers as it once did. */
function ksnap(...args: string[]) {
  const PATH = `${replayFolder()}:${process.env['PATH'] ?? ''}`;
  const env = { ...process.env, PATH, TZ: 'UTC' };
  return spawnSync(process.execPath, [KSNAP, ...args], { encoding: 'utf8', env });
}

describe('ksnap list', () => {
  test('shows what was made at once as one line', () => {
    const { status, stdout, stderr } = ksnap('list');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [head, ...lines] = linesOf(stdout);
    expect(head).toMatch(/^SNAPSHOT +MADE +USED +DATASETS$/);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^tank@ksnap-20260102-030405 {2}20..-..-.. ..:..:.. {2}0 B +6$/);
  });
});

describe('snapshots of one name', () => {
  const rows = fields(linesOf(recorded('list-snapshots-used').stdout));

  test('are a set if one lies above the others', () => {
    const sets = groupSets(rows).map(({ dataset, name, count }) => [dataset, name, count]);
    expect(sets.sort()).toEqual([
      ['tank', 'ksnap-20260102-030405', 6],
      ['tank/vm/disk-0', 'before', 1],
      ['tank/vm/my disk', 'visible one', 1],
    ]);
  });

  test('are as many sets as there are highest ones', () => {
    const below = rows.filter(([name]) => !/^tank(\/vm)?@/.test(name ?? ''));
    const ours = groupSets(below).filter(({ name }) => name.startsWith('ksnap-'));
    expect(ours.map(({ dataset }) => dataset)).toEqual([
      'tank/vm/disk-0',
      'tank/vm/disk-1',
      'tank/vm/hidden',
      'tank/vm/my disk',
    ]);
  });

  test('are not below a dataset whose name only begins alike', () => {
    const sets = groupSets([
      ['tank/vm-2@x', '2', '0'],
      ['tank/vm@x', '1', '0'],
    ]);
    expect(sets.map(({ dataset }) => dataset)).toEqual(['tank/vm', 'tank/vm-2']);
  });
});

describe('ksnap destroy', () => {
  test('says why ZFS refuses, in one line', () => {
    const { status, stdout, stderr } = ksnap('destroy', 'ksnap-20260102-030405');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^ksnap: .*'tank\/vm\/disk-1@.*dependent clones.*\n$/);
    expect(ksnap('destroy', 'tank@ksnap-20260102-030405').stderr).toBe(stderr);
  });

  test.each(['tank/vm/disk-0@before', 'tank/vm', 'ksnap-mine', 'tank@ksnap-1', 'ksnap-*'])(
    'refuses %s, which is no snapshot of ours',
    (name) => {
      const { status, stderr } = ksnap('destroy', name);
      expect(status).toBe(2);
      expect(stderr).toMatch(/^ksnap: .*\n$/);
    },
  );

  test('refuses one that is not there', () => {
    const { status, stderr } = ksnap('destroy', 'ksnap-20260102-030406');
    expect(status).toBe(1);
    expect(stderr).toBe(
      'ksnap: there is no snapshot ksnap-20260102-030406 (ksnap list shows those that there are)\n',
    );
  });
});

describe('ksnap', () => {
  test.each([
    ['a word that would be an option', ['--', '-r'], 2],
    ['a snapshot', ['tank/vm/disk-0@before'], 2],
    ['nothing', [], 2],
    ['two at once', ['tank', 'tank/vm'], 2],
    ['what is mounted from elsewhere', ['/proc'], 1],
    ['a folder that is no mount point', [import.meta.dirname], 1],
    ['a path that is not there', ['./nothing'], 1],
    ['a device that is no volume', ['/dev/null'], 1],
  ])('refuses %s', (_, args, expected) => {
    const { status, stdout, stderr } = ksnap(...args);
    expect({ status, stdout }).toEqual({ status: expected, stdout: '' });
    expect(stderr).toMatch(/^ksnap: .*\n$/);
  });

  test('has help and a version', () => {
    expect(ksnap('--help').stdout).toContain('ksnap /');
    expect(ksnap('--version').stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});
