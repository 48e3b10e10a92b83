import {
  existsSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { namesRoot, rootsIn } from '../../../src/zfs/golden/boot-loader.ts';
import { withGuids } from '../../../src/zfs/golden/generalize.ts';
import {
  addHostKeyUnit,
  HOST_KEY_UNIT,
  hostKeyMaker,
} from '../../../src/zfs/golden/host-key-unit.ts';
import { findIdentity, removeIdentity } from '../../../src/zfs/golden/identity.ts';
import { folderInside, matchesInside } from '../../../src/zfs/golden/inside.ts';
import { isDrained } from '../../../src/zfs/golden/unlinked.ts';
import { temporaryFolder } from '../../support/folder.ts';

/** A root file system with files at these paths. */
function rootWith(...paths: readonly string[]): string {
  const root = join(temporaryFolder(), 'root');
  mkdirSync(root);
  for (const path of paths) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), `content of ${path}`);
  }
  return root;
}

function expectContent(root: string, ...paths: readonly string[]): void {
  for (const path of paths) {
    expect(readFileSync(join(root, path), 'utf8')).toBe(`content of ${path}`);
  }
}

describe('the identity of a machine', () => {
  const root = () =>
    rootWith(
      ...['etc/machine-id', 'etc/hostid', 'etc/ssh/ssh_host_rsa_key', 'etc/ssh/sshd_config'],
      ...['var/log/journal/a/system.journal', 'var/log/apt/history.log', 'var/log/wtmp'],
      ...['home/joe/.bash_history', 'home/joe/mail', 'var/lib/dhcp/dhclient.leases', 'tmp/a/b'],
    );

  test('is found without a change', async () => {
    const found = await findIdentity(root());
    const paths = found.removed.flatMap((one) => one.paths);
    expect(paths).toContain('/etc/ssh/ssh_host_rsa_key');
    expect(paths).toContain('/home/joe/.bash_history');
    expect(paths).not.toContain('/etc/ssh/sshd_config');
    expect(new Set(paths).size).toBe(paths.length);
    expect(found.kept.map(({ path }) => path)).toEqual(['/etc/hostid']);
  });

  test('is not what another file system has', async () => {
    const { removed, kept } = await findIdentity(root(), new Set([-1]));
    expect([...removed.flatMap(({ paths }) => paths), ...kept]).toEqual([]);
  });

  test('is removed, and nothing else', async () => {
    const copy = root();
    await removeIdentity(copy);
    for (const path of ['etc/machine-id', 'var/log/apt/history.log', 'var/log/wtmp']) {
      expect(statSync(join(copy, path)).size).toBe(0);
    }
    for (const path of ['etc/ssh/ssh_host_rsa_key', 'var/log/journal/a', 'tmp/a']) {
      expect(existsSync(join(copy, path))).toBe(false);
    }
    expectContent(copy, 'etc/hostid', 'etc/ssh/sshd_config', 'home/joe/mail');
    await removeIdentity(copy); // nothing is left to remove
  });

  test('is never removed outside of the copy, wherever its links lead', async () => {
    const files = ['log/messages', 'ssh/ssh_host_rsa_key', 'machine-id', 'home/.bash_history'];
    const outside = rootWith(...files);
    const copy = rootWith('etc/hostname', 'var/lib/dbus/x', 'home/x');
    symlinkSync(join(outside, 'log'), join(copy, 'var/log'));
    symlinkSync(`${'../'.repeat(20)}${outside}/ssh`, join(copy, 'etc/ssh'));
    symlinkSync(join(outside, 'machine-id'), join(copy, 'etc/machine-id'));
    symlinkSync(join(outside, 'machine-id'), join(copy, 'var/lib/dbus/machine-id'));
    symlinkSync(join(outside, 'home'), join(copy, 'home/joe'));
    await removeIdentity(copy);
    expectContent(outside, ...files);
    expect(readlinkSync(join(copy, 'etc/machine-id'))).toBe(join(outside, 'machine-id'));
  });

  test('is removed where a link within the copy leads', async () => {
    const copy = rootWith('real/log/messages', 'var/x');
    symlinkSync('/real/log', join(copy, 'var/log'));
    await removeIdentity(copy);
    expect(statSync(join(copy, 'real/log/messages')).size).toBe(0);
  });
});

describe('a path inside of a root', () => {
  test('goes no higher than the root, and not in circles', async () => {
    const root = rootWith('a/b/c');
    symlinkSync('../../../../a', join(root, 'a/up'));
    symlinkSync('circle', join(root, 'circle'));
    expect(await folderInside(root, 'a/up/b')).toBe(join(root, 'a/b'));
    expect(await folderInside(root, '../../a')).toBe(join(root, 'a'));
    expect(await folderInside(root, 'circle/a')).toBeUndefined();
    expect(await folderInside(root, 'a/b/c')).toBeUndefined(); // a file
  });

  test('matches patterns: what is in a folder comes first', async () => {
    const root = rootWith('a/x.key', 'a/x.pub', 'b/y.key', 'a/d/e/f');
    const found = async (pattern: string) =>
      (await matchesInside(root, pattern)).map(({ path }) => path.slice(root.length));
    expect(await found('*/*.key')).toEqual(['/a/x.key', '/b/y.key']);
    expect(await found('a/d/**')).toEqual(['/a/d/e/f', '/a/d/e']);
    expect(await found('none/**')).toEqual([]);
  });
});

describe('SSH host keys of an image', () => {
  const OPENSSH = ['etc/ssh/sshd_config', 'usr/bin/ssh-keygen', 'etc/systemd/system/x'];

  test('are made by a unit where nothing else makes them', async () => {
    const root = rootWith(...OPENSSH);
    expect(await hostKeyMaker(root)).toBe('unit');
    await addHostKeyUnit(root);
    await addHostKeyUnit(root);
    const folder = join(root, 'etc/systemd/system');
    expect(readFileSync(join(folder, HOST_KEY_UNIT), 'utf8')).toContain('ssh-keygen -A');
    const link = join(folder, 'multi-user.target.wants', HOST_KEY_UNIT);
    expect(readlinkSync(link)).toBe(`/etc/systemd/system/${HOST_KEY_UNIT}`);
  });

  test.each([
    ['system', [...OPENSSH, 'usr/bin/cloud-init']],
    ['system', [...OPENSSH, 'usr/lib/systemd/system/sshd-keygen@.service']],
    ['nobody', ['etc/ssh/sshd_config']],
    ['none', ['usr/bin/ssh-keygen', 'etc/systemd/system/x']],
  ] as const)('are made by: %s', async (maker, paths) => {
    const root = rootWith(...paths);
    expect(await hostKeyMaker(root)).toBe(maker);
    await addHostKeyUnit(root);
    expect(existsSync(join(root, 'etc/systemd/system', HOST_KEY_UNIT))).toBe(false);
  });
});

test('GUIDs of partitions are replaced in either case', () => {
  const text = 'PARTUUID=0FC63DAF-0000 PARTUUID=0fc63daf-0000 UUID=AB12';
  expect(withGuids(text, [['0FC63DAF-0000', 'EBD0A0A2-1111']])).toBe(
    'PARTUUID=EBD0A0A2-1111 PARTUUID=ebd0a0a2-1111 UUID=AB12',
  );
});

test('a boot loader names the root that it starts', () => {
  const text = 'options root=ZFS=rpool/ROOT/debian rw\nlinux x root="zfs:tank/r" root=zfs:AUTO';
  expect(rootsIn(text)).toEqual(['rpool/ROOT/debian', 'tank/r']);
  const names = (dataset: string) => namesRoot({ dataset, file: '' }, 'rpool/ROOT/debian');
  expect(names('rpool/ROOT/debian')).toBe(true);
  expect(names('/ROOT/debian')).toBe(true);
  expect(names('rpool/ROOT/other')).toBe(false);
});

test('what is deleted is freed once both counts are the same', () => {
  const counts = (unlinks: number, unlinked: number) =>
    `nread  4    0\nnunlinks                        4    ${unlinks}\nnunlinked                       4    ${unlinked}\n`;
  expect([counts(3, 3), counts(3, 2), ''].map(isDrained)).toEqual([true, false, true]);
});
