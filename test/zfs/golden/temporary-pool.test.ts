import { expect, test, vi } from 'vitest';
import { createPool } from '../../../src/zfs/golden/temporary-pool.ts';
import { fakeCommands, pathWith } from '../../support/fake-commands.ts';

const POOL = {
  ...{ name: 'rpool', temporaryName: 'kexport-1', ashift: 12, device: '/dev/loop0p2' },
  properties: { options: [], compatibility: 'grub2', features: [], multihost: false },
  altroot: '/run/kexport-1',
};

/** What is said of a pool that cannot be made ready, if `zpool export` does that. */
async function warningsOf(exporting: string): Promise<string[]> {
  const zpool = `case $1 in
    set) echo 'cannot set property' >&2; exit 1;;
    export) ${exporting};;
  esac`;
  vi.stubEnv('PATH', pathWith(fakeCommands({ zpool })));
  const warnings: string[] = [];
  const made = createPool(POOL, ({ message }) => warnings.push(message));
  await expect(made).rejects.toThrow('zpool set: cannot set property');
  return warnings;
}

test('a pool that cannot be made ready is reported if it stays imported', async () => {
  expect(await warningsOf('echo "permission denied" >&2; exit 1')).toEqual([
    'pool kexport-1 may be left behind: zpool export: permission denied; to remove it: zpool export kexport-1',
  ]);
});

test('a pool that cannot be made ready is not reported if it is exported', async () => {
  expect(await warningsOf('')).toEqual([]);
});
