import { expect, test, vi } from 'vitest';
import { listLeftovers } from '../../src/host/leftovers.ts';
import { type MadeSnapshot, makeSnapshot, removeAll } from '../../src/lvm/made.ts';
import type { LogicalVolume } from '../../src/lvm/volume.ts';
import { fakeCommands, pathWith } from '../support/fake-commands.ts';

const VOLUME: LogicalVolume = {
  ...{ name: 'vg/root', group: 'vg', path: '/dev/mapper/vg-root', device: 'dm-0', size: 2 ** 30 },
  ...{ isThin: false, isThickSnapshot: false, isReadOnly: false, isOpen: true },
  ...{ free: 2 ** 30, extentSize: 2 ** 22 },
};

/** Puts commands of LVM into PATH. */
function fakeLvm(scripts: Readonly<Record<string, string>>): void {
  const lvs = `echo '{"report":[{"lv":[{"lv_dm_path":"/dev/mapper/vg-snap"}]}]}'`;
  vi.stubEnv('PATH', pathWith(fakeCommands({ lvcreate: '', lvs, ...scripts })));
}

/** What is said to be left of these. */
async function leftOf(made: MadeSnapshot[]): Promise<string[]> {
  const left: string[] = [];
  await removeAll(made, ({ message }) => left.push(message));
  return left;
}

/** What the program would name if it ended now. */
const noted = () => listLeftovers().map(({ what }) => what);

test.each([
  ['is left behind if its volume group has vanished', '  Volume group "vg" not found'],
  [
    'is left behind if it cannot be removed, whatever LVM says of other disks',
    `  Devices file PVID 7pOmnzwiVPCw8mVnPBXMHQK06gpFJWR1 last seen on /dev/sdc1 not found.
  Cannot change VG vg while PVs are missing.`,
  ],
])('a snapshot %s', async (_, stderr) => {
  fakeLvm({ lvremove: `echo '${stderr}' >&2; exit 5` });
  const made = await makeSnapshot(VOLUME, undefined);
  const problem = stderr.trim().split('\n').at(-1)!.trim();
  expect(await leftOf([made])).toEqual([
    `${made.name} is left behind: lvremove: ${problem}; to remove it: lvremove --yes ${made.name}`,
  ]);
});

test('a snapshot that somebody has removed is not left behind', async () => {
  fakeLvm({ lvremove: 'echo "  Failed to find logical volume \\"$2\\"" >&2; exit 5' });
  expect(await leftOf([await makeSnapshot(VOLUME, undefined)])).toEqual([]);
});

test.each([
  ['lvcreate was killed', { lvcreate: 'kill -9 $$' }, 'may be'],
  ['its device is not to be found', { lvs: 'exit 5' }, 'is'],
])('a snapshot that fails since %s is reported if it cannot be removed', async (_, fails, is) => {
  fakeLvm({
    ...fails,
    lvremove: 'echo "  Cannot change VG vg while PVs are missing." >&2; exit 5',
  });
  const before = noted();
  const warnings: string[] = [];
  const made = makeSnapshot(VOLUME, undefined, ({ message }) => warnings.push(message));
  await expect(made).rejects.toThrow(/it ended with status/);
  const [name = 'none'] = noted().filter((what) => !before.includes(what));
  expect(name).toMatch(/^vg\/kexport-/);
  const why = 'lvremove: Cannot change VG vg while PVs are missing.';
  expect(warnings).toEqual([
    `${name} ${is} left behind: ${why}; to remove it: lvremove --yes ${name}`,
  ]);
});

test('a snapshot that fails is not reported if it can be removed', async () => {
  fakeLvm({ lvcreate: 'kill -9 $$', lvremove: '' });
  const before = noted();
  const warnings: string[] = [];
  const made = makeSnapshot(VOLUME, undefined, ({ message }) => warnings.push(message));
  await expect(made).rejects.toThrow(/it ended with status/);
  expect(warnings).toEqual([]);
  expect(noted()).toEqual(before);
});
