import { existsSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { kindOf } from '../../src/zfs/failure.ts';
import { zfs, zfsFailure, zpool } from '../../src/zfs/run.ts';
import { recorded } from '../support/recorded.ts';

describe('a message of OpenZFS', () => {
  test.each([
    ['error-unknown-dataset', 'missing'],
    ['error-unknown-snapshot', 'missing'],
    ['error-checkpoint-unknown-pool', 'missing'],
    ['error-destroy-unknown', 'missing'],
    ['error-snapshot-unknown-dataset', 'missing'],
    ['error-snapshot-exists', 'exists'],
    ['error-destroy-held', 'busy'],
    ['error-destroy-open-clone', 'busy'],
    ['error-export-open', 'busy'],
    ['error-destroy-clones', 'dependents'],
    ['error-destroy-has-snapshots', 'dependents'],
    ['error-destroy-children', 'dependents'],
    ['error-create-no-space', 'no-space'],
    ['error-snapshot-as-nobody', 'permission'],
    ['error-clone-as-nobody', 'permission'],
    ['error-device-permission', 'permission'],
    ['error-readonly-snapshot', 'read-only'],
    ['error-no-device', 'no-module'],
    ['error-no-module', 'no-module'],
    ['error-no-module-pool', 'no-module'],
    ['error-invalid-name', 'other'],
  ])('is understood: %s is %s', (name, kind) => {
    expect(kindOf(recorded(name).stderr)).toBe(kind);
  });
});

// The program is looked for outside of PATH too.
const hasZfs = ['/usr/local/sbin', '/usr/sbin', '/sbin'].some((folder) =>
  existsSync(`${folder}/zfs`),
);

test.skipIf(hasZfs)(
  'a machine without ZFS has a failure of its own, which names the package',
  async () => {
    const path = process.env['PATH'];
    process.env['PATH'] = '/nowhere';
    const failures = [zfs(['list']), zpool(['list'])].map((ended) =>
      ended.catch((error: unknown) => error),
    );
    const [first, second] = await Promise.all(failures).finally(() => (process.env['PATH'] = path));
    expect(first).toMatchObject({
      code: 'unsupported',
      hint: expect.stringContaining('zfsutils') as unknown,
    });
    expect([zfsFailure(first), zfsFailure(second)]).toEqual(['no-command', 'no-command']);
  },
);
