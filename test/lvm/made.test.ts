import { expect, test, vi } from 'vitest';
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
  await removeAll(made, (sentence) => left.push(sentence));
  return left;
}

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
