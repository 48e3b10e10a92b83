// Sees to it that a copy without SSH host keys makes its own: where nothing else would, a unit of
// systemd does.

import { lstat, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KexportError, reasonOf } from '../../errors.ts';
import { folderInside, matchesInside } from './inside.ts';

/** The name of the unit; also in the plan. */
export const HOST_KEY_UNIT = 'kexport-ssh-host-keys.service';

/** What makes host keys on other systems: cloud-init; Fedora, openSUSE and Arch by units. */
const MAKERS = [
  'usr/bin/cloud-init',
  ...['sshd-keygen*', 'sshdgenkeys.service', 'ssh-keygen*', 'regenerate_ssh_host_keys.service'].map(
    (name) => `usr/lib/systemd/system/${name}`,
  ),
  'usr/sbin/sshd-gen-keys-start',
];

// sshd of Debian does not start without keys, so it waits for them.
const UNIT = `[Unit]
Description=Make SSH host keys, of which an image of kexport has none
ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key
Before=ssh.service sshd.service

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A

[Install]
WantedBy=multi-user.target
`;

/** Who makes SSH host keys at the first boot: `none` where there is no server of OpenSSH. */
export type HostKeyMaker = 'none' | 'system' | 'unit' | 'nobody';

/** Looks at the files of a machine. */
export async function hostKeyMaker(root: string): Promise<HostKeyMaker> {
  const isThere = async (path: string) => (await matchesInside(root, path)).length > 0;
  if (!(await isThere('etc/ssh/sshd_config'))) return 'none';
  for (const maker of MAKERS) if (await isThere(maker)) return 'system';
  const hasTools = (await isThere('usr/bin/ssh-keygen')) && (await isThere('etc/systemd/system'));
  return hasTools ? 'unit' : 'nobody';
}

/** Adds the unit where it is needed, and enables it. Throws a KexportError. */
export async function addHostKeyUnit(root: string): Promise<void> {
  const folder = await folderInside(root, 'etc/systemd/system');
  if (folder === undefined || (await hostKeyMaker(root)) !== 'unit') return;
  const path = join(folder, HOST_KEY_UNIT);
  try {
    await writeFile(path, UNIT, { mode: 0o644 });
    const wanted = 'etc/systemd/system/multi-user.target.wants';
    if (!(await folderInside(root, wanted))) await mkdir(join(folder, 'multi-user.target.wants'));
    const wants = await folderInside(root, wanted);
    if (wants === undefined) throw new Error(`${wanted} is no folder`);
    const link = join(wants, HOST_KEY_UNIT);
    const isThere = await lstat(link).catch(() => undefined);
    if (!isThere) await symlink(`/etc/systemd/system/${HOST_KEY_UNIT}`, link);
  } catch (cause) {
    const what = `cannot add ${HOST_KEY_UNIT} to the image: ${reasonOf(cause)}`;
    throw new KexportError('target', what, { cause });
  }
}
