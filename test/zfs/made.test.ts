import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { listLeftovers } from '../../src/host/leftovers.ts';
import { makeClone, makeSnapshot, makeSnapshots } from '../../src/zfs/made.ts';
import { destroyAll } from '../../src/zfs/snapshot-volume.ts';
import { fakeCommands, pathWith } from '../support/fake-commands.ts';
import { linesOf } from '../support/recorded.ts';

/** Puts a zfs into PATH, and a zpool that has the pool `tank`. Returns their folder. */
function fakeZfs(zfs: string): string {
  const folder = fakeCommands({ zfs, zpool: 'echo tank' });
  vi.stubEnv('PATH', pathWith(folder));
  return folder;
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

// Keeps names in files: what was made here, and what `zfs receive` brought.
const MEMORY = `for last; do :; done
case $1 in
  snapshot|clone) echo "$last" >> local;;
  destroy)
    case $last in tank/held/*) echo "cannot destroy: permission denied" >&2; exit 1;; esac
    if ! grep -qxF "$last" local received; then
      echo "cannot open '$last': dataset does not exist" >&2; exit 1
    fi
    sed -i "\\|^$last\\$|d" local received;;
  get)
    case "$*" in *"-s local"*) found=local;; *) found="local received";; esac
    case "$*" in *"-t snapshot"*) grep -h @ $found;; *"-t volume"*) grep -hv @ $found;; esac;;
esac
exit 0`;

describe('a snapshot and its clone, of a volume', () => {
  test('are destroyed too after a dataset above it was renamed', async () => {
    const { made, names, rename } = await exported();
    rename('tank/vm/', 'tank/vms/');
    expect(names()).toHaveLength(2);
    expect(await warningsOf(made)).toEqual([]);
    expect(names()).toEqual([]);
  });

  test('are reported by their new names if they cannot be destroyed then', async () => {
    const { made, names, rename } = await exported();
    rename('tank/vm/', 'tank/held/');
    const [snapshot = '', clone = ''] = names();
    expect(await warningsOf(made)).toEqual([
      expect.stringMatching(`^${clone} is left behind: .*denied; .*: zfs destroy -r ${clone}$`),
      expect.stringMatching(`^${snapshot} is left behind: .*denied; .*: zfs destroy ${snapshot}$`),
    ]);
    expect(names()).toEqual([snapshot, clone]);
  });

  test('are gone if somebody has destroyed them, and a received copy of them stays', async () => {
    const { made, folder, names } = await exported();
    const copies = names().map((name) => name.replace('tank/vm/', 'tank/copies/'));
    writeFileSync(join(folder, 'received'), copies.join('\n') + '\n');
    writeFileSync(join(folder, 'local'), '');
    expect(await warningsOf(made)).toEqual([]);
    expect(linesOf(readFileSync(join(folder, 'received'), 'utf8'))).toEqual(copies);
  });

  test('are reported if they are missing and ZFS lists nothing', async () => {
    const { made, names } = await exported();
    const [snapshot = '', clone = ''] = names();
    fakeZfs('echo "$1: does not exist" >&2; exit 1');
    const why = 'is left behind: it may have been renamed, and zfs get: get: does not exist; ';
    expect(await warningsOf(made)).toEqual([
      expect.stringContaining(`${clone} ${why}`),
      expect.stringContaining(`${snapshot} ${why}`),
    ]);
  });
});

/** The two that an export of `tank/vm/disk` makes, in a ZFS that remembers them. */
async function exported() {
  const folder = fakeZfs(MEMORY);
  for (const file of ['local', 'received']) writeFileSync(join(folder, file), '');
  const snapshot = await makeSnapshot('tank/vm/disk');
  const clone = await makeClone('tank/vm/disk', snapshot.name.split('@')[1]!);
  const local = () => readFileSync(join(folder, 'local'), 'utf8');
  return {
    folder,
    made: [snapshot, clone],
    names: () => linesOf(local()),
    rename: (from: string, to: string) =>
      writeFileSync(join(folder, 'local'), local().replaceAll(from, to)),
  };
}

async function warningsOf(made: Parameters<typeof destroyAll>[0]): Promise<string[]> {
  const warnings: string[] = [];
  await destroyAll(made, ({ message }) => warnings.push(message));
  return warnings;
}
