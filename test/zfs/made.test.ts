import { expect, test, vi } from 'vitest';
import { listLeftovers } from '../../src/host/leftovers.ts';
import { makeClone, makeSnapshot, makeSnapshots } from '../../src/zfs/made.ts';
import { fakeCommands, pathWith } from '../support/fake-commands.ts';

/** Puts a zfs into PATH, and a zpool that has the pool `tank`. */
function fakeZfs(zfs: string): void {
  vi.stubEnv('PATH', pathWith(fakeCommands({ zfs, zpool: 'echo tank' })));
}

/** What the program would name if it ended now. */
const noted = () => listLeftovers().map(({ what }) => what);

const DENIED = `case $1 in
  destroy) echo "cannot destroy: permission denied" >&2; exit 1;;
  *) kill -9 $$;;
esac`;

test.each([
  ['a snapshot', (onWarning) => makeSnapshot('tank/vm', onWarning), 1],
  ['a clone', (onWarning) => makeClone('tank/vm', 'daily', onWarning), 1],
  ['snapshots', (onWarning) => makeSnapshots(['tank/a', 'tank/b'], onWarning), 2],
] satisfies [
  string,
  (onWarning: Parameters<typeof makeSnapshot>[1]) => Promise<unknown>,
  number,
][])(
  '%s of a command that was killed are reported if they cannot be destroyed',
  async (_, make, count) => {
    fakeZfs(DENIED);
    const before = noted();
    const warnings: string[] = [];
    const made = make(({ message }) => warnings.push(message));
    await expect(made).rejects.toThrow(/it ended with status/);
    const left = noted().filter((what) => !before.includes(what));
    expect(left).toHaveLength(count);
    for (const name of left) {
      const why = 'zfs destroy: cannot destroy: permission denied; to remove it: zfs destroy ';
      const warning = warnings.find((one) => one.startsWith(`${name} may be left behind: ${why}`));
      expect(warning).toMatch(new RegExp(`${name}$`));
    }
  },
);

test('a snapshot that was not made is not reported', async () => {
  fakeZfs('echo "cannot create snapshot: dataset does not exist" >&2; exit 1');
  const before = noted();
  const warnings: string[] = [];
  const made = makeSnapshot('tank/vm', ({ message }) => warnings.push(message));
  await expect(made).rejects.toThrow('dataset does not exist');
  expect(warnings).toEqual([]);
  expect(noted()).toEqual(before);
});
