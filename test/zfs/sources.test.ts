// What kexport makes of the answers of a real zfs and zpool.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parsePoolDevices } from '../../src/zfs/pool-disks.ts';
import { noise, withPartition } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { linesOf, recorded, replayFolder } from '../support/recorded.ts';

function onZfs(...args: string[]) {
  return kexport(args, { env: { PATH: `${replayFolder()}:${process.env['PATH'] ?? ''}` } });
}

describe('a volume that cannot be exported is told of in one line', () => {
  test.each([
    ['tank/nothing', 1, /^kexport: ZFS has no volume tank\/nothing \(zfs list -t volume -r tank, /],
    [
      'tank/vm/disk-0@nothing',
      1,
      /^kexport: ZFS has no snapshot tank\/vm\/disk-0@nothing \(zfs list -t snapshot /,
    ],
    [
      'tank/vm',
      1,
      /^kexport: tank\/vm is a file system, not a volume \(volumes below it: tank\/vm\/disk-0, .*\)$/m,
    ],
    ['tank/empty', 1, /not a volume \(no volume lies below it\)/],
    [
      'tank/vm@files',
      1,
      /^kexport: tank\/vm@files is a snapshot of a file system, not of a volume$/m,
    ],
    ['tank/secret/disk', 1, /is encrypted and its key is not loaded \(zfs load-key tank\/secret\)/],
    ['tank/vm/disk-0@', 2, /nothing follows the @/],
    ['tank/vm/disk-0/', 2, /it ends with a slash \(did you mean tank\/vm\/disk-0\?\)/],
    ['tank/vm/disk-0#mark', 2, /names a bookmark, which holds no data/],
    [
      'nopool/vm',
      1,
      /^kexport: cannot open nopool\/vm: no such file .*nor is it a ZFS volume: ZFS has no pool nopool/,
    ],
  ])('%s', (name, expected, message) => {
    const { status, stderr } = onZfs('raw', name, '-o', 'never.raw');
    expect(stderr).toMatch(message);
    expect(linesOf(stderr)).toHaveLength(1);
    expect(status).toBe(expected);
  });
});

describe('kexport sources', () => {
  test('lists volumes and their snapshots, with the command to type, and none of ours', () => {
    const { status, stdout } = onZfs('sources');
    expect(stdout).toMatch(/^tank\/vm\/disk-0 +64\.0 MiB +\S+ \S+ +kexport all tank\/vm\/disk-0$/m);
    expect(stdout).toMatch(/^ {2}@second +64\.0 MiB .* kexport all tank\/vm\/disk-0@second$/m);
    expect(stdout).toMatch(/^tank\/vm\/my disk .* kexport all 'tank\/vm\/my disk'$/m);
    expect(stdout).not.toMatch(/kexport-2026|@files/);
    expect(status).toBe(0);
  });

  test('has sizes in bytes as JSON', () => {
    const { stdout } = onZfs('sources', '--json');
    const { volumes } = JSON.parse(stdout) as {
      volumes: { name: string; size: number; snapshots: unknown[] }[];
    };
    expect(volumes.find(({ name }) => name === 'tank/vm/disk-1')).toMatchObject({
      size: 2 ** 30,
      snapshots: [],
    });
  });

  test('says why there are no volumes, and lists the disks', () => {
    const folder = replayFolder(); // without the answer that is asked for
    rmSync(join(folder, 'recorded'));
    mkdirSync(join(folder, 'recorded'));
    writeFileSync(join(folder, 'recorded', 'none.txt'), '');
    const { status, stdout } = kexport(['sources'], { env: { PATH: `${folder}:/usr/bin:/bin` } });
    expect(stdout).toMatch(/^no ZFS volumes: zfs list: not recorded/);
    expect(stdout).toMatch(/^DISK|^no disks/m);
    expect(status).toBe(0);
  });
});

test('a file goes before the volume of its name, which is said', () => {
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, 'tank/vm'), { recursive: true });
  writeFileSync(join(cwd, 'tank/vm/disk-0'), withPartition(noise(4096)));
  const path = `${replayFolder()}:${process.env['PATH'] ?? ''}`;
  const args = ['raw', 'tank/vm/disk-0', '-o', 'x.raw', '-q'];
  const { status, stderr } = kexport(args, { cwd, env: { PATH: path } });
  expect(stderr).toMatch(
    /: tank\/vm\/disk-0 is read as the file of that name, .* \/dev\/zvol\/tank\/vm\/disk-0$/m,
  );
  expect(status).toBe(0);
});

describe('kexport clean', () => {
  test('finds what is left of an export whose process is gone, the clone first', () => {
    const { stdout } = onZfs('clean', '--dry-run');
    expect(linesOf(stdout)).toEqual([
      'would remove tank/vm/kexport-20260102T030405Z-4711-5e6f7a8b',
      expect.stringMatching(/^kept tank\/copies\/disk-1@kexport-\S+: it came with zfs receive; /),
      'would remove tank/vm/disk-1@kexport-20260102T030405Z-4711-1a2b3c4d',
    ]);
  });

  test('says what it could not ask for, as of the checkpoints here, and fails', () => {
    const { status, stderr } = onZfs('clean', '--dry-run');
    expect(stderr).toMatch(/^kexport: zpool list: not recorded: .*\n$/);
    expect(status).toBe(1);
  });
});

test('the devices of a pool are found whatever its shape', () => {
  const { stdout } = recorded('kexport-pools-devices');
  expect(parsePoolDevices(linesOf(stdout))).toEqual([
    {
      pool: 'shape',
      paths: expect.arrayContaining([
        '/tmp/file1',
        '/tmp/file2',
        '/tmp/file4',
        '/tmp/file6',
      ]) as unknown,
    },
    { pool: 'tank', paths: ['/dev/vdb1'] },
  ]);
});
