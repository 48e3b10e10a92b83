import { describe, expect, test } from 'vitest';
import { ksnap as runKsnap } from '../support/kexport.ts';
import { linesOf, replayPath } from '../support/recorded.ts';

/** Runs ksnap with a zfs that answers as it was recorded. */
function ksnap(...args: string[]) {
  return runKsnap(args, { env: { PATH: replayPath(), TZ: 'UTC' } });
}

describe('ksnap list', () => {
  test('shows snapshots made at once as one line', () => {
    const { status, stdout, stderr } = ksnap('list');
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const [head, ...lines] = linesOf(stdout);
    expect(head).toMatch(/^SNAPSHOT +MADE +USED +DATASETS$/);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^tank@ksnap-20260102-030405 {2}20..-..-.. ..:..:.. {2}0 B +6$/);
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
    'refuses %s, which is not a snapshot of ours',
    (name) => {
      const { status, stderr } = ksnap('destroy', name);
      expect(status).toBe(2);
      expect(stderr).toMatch(/^ksnap: .*\n$/);
    },
  );

  test('refuses a snapshot that does not exist', () => {
    const { status, stderr } = ksnap('destroy', 'ksnap-20260102-030406');
    expect(status).toBe(1);
    expect(stderr).toBe(
      'ksnap: there is no snapshot ksnap-20260102-030406 (ksnap list shows those that there are)\n',
    );
  });
});

describe('ksnap', () => {
  test.each([
    ['a name that zfs would take for an option', ['--', '-r'], 2],
    ['a snapshot', ['tank/vm/disk-0@before'], 2],
    ['nothing', [], 2],
    ['two names at once', ['tank', 'tank/vm'], 2],
    ['a mount point that is not on ZFS', ['/proc'], 1],
    ['a folder that is not a mount point', [import.meta.dirname], 1],
    ['a missing path', ['./nothing'], 1],
    ['a device that is not a volume', ['/dev/null'], 1],
  ])('refuses %s', (_, args, expected) => {
    const { status, stdout, stderr } = ksnap(...args);
    expect({ status, stdout }).toEqual({ status: expected, stdout: '' });
    expect(stderr).toMatch(/^ksnap: .*\n$/);
  });

  test('has help and a version', () => {
    expect(ksnap('--help').stdout).toContain('ksnap /');
    expect(ksnap('--version').stdout).toMatch(/^ksnap \d+\.\d+\.\d+\n/);
  });
});
