import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { linesOf, replayPath } from '../support/recorded.ts';

describe('a volume that cannot be exported', () => {
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
      /^kexport: cannot open nopool\/vm: no such file .*it is not a ZFS volume either: ZFS has no pool nopool/,
    ],
  ])('is refused in one line: %s', (name, expected, message) => {
    const { status, stderr } = kexport(['raw', name, '-o', 'never.raw'], {
      env: { PATH: replayPath() },
    });
    expect(stderr).toMatch(message);
    expect(linesOf(stderr)).toHaveLength(1);
    expect(status).toBe(expected);
  });
});

test('a file takes precedence over the volume of the same name, with a warning', () => {
  const cwd = temporaryFolder();
  mkdirSync(join(cwd, 'tank/vm'), { recursive: true });
  writeFileSync(join(cwd, 'tank/vm/disk-0'), withPartition(noise(4096)));
  const args = ['raw', 'tank/vm/disk-0', '-o', 'x.raw', '-q'];
  const { status, stderr } = kexport(args, { cwd, env: { PATH: replayPath() } });
  expect(stderr).toMatch(
    /: tank\/vm\/disk-0 is read as the file of that name, .* \/dev\/zvol\/tank\/vm\/disk-0$/m,
  );
  expect(status).toBe(0);
});
