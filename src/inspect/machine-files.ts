// Reads of a root file system what makes its machine itself.

import { host } from '#host';
import type { ExtFiles } from './ext4-files.ts';

/** What the files of a machine say of it. */
export interface MachineFiles {
  /** From /etc/hostname. */
  readonly hostname: string | undefined;
  /** From /etc/machine-id; empty if systemd is to make one at the next boot. */
  readonly machineId: string | undefined;
  /** From /etc/hostid, as `hostid` prints it. */
  readonly hostid: string | undefined;
  /** By their names. */
  readonly sshHostKeys: readonly SshHostKey[];
  /** Whether cloud-init has run, which it does anew for another machine. */
  readonly cloudInit: boolean;
}

/** A host key, by its public part. */
export interface SshHostKey {
  /** In /etc/ssh: `ssh_host_ed25519_key`. */
  readonly name: string;
  /** `SHA256:...` as ssh-keygen prints it; undefined if there is no public part. */
  readonly fingerprint: string | undefined;
}

/** A machine has one of each algorithm; a hostile disk may have thousands, each read from anew. */
const MAX_KEYS = 16;

/** Undefined if it is not a root file system: one without /etc. */
export async function machineFiles(files: ExtFiles): Promise<MachineFiles | undefined> {
  const etc = await files.list(['etc']);
  if (etc.length === 0) return undefined;
  const text = async (name: string) => {
    const bytes = await files.read(['etc', name]);
    return bytes && Buffer.from(bytes).toString('utf8').trim();
  };
  const hostid = await files.read(['etc', 'hostid']);
  const names = (await files.list(['etc', 'ssh'])).filter((name) => /^ssh_host_.*_key$/.test(name));
  const sshHostKeys: SshHostKey[] = [];
  for (const name of names.sort().slice(0, MAX_KEYS)) {
    const line = await files.read(['etc', 'ssh', `${name}.pub`]);
    sshHostKeys.push({ name, fingerprint: line && fingerprintOf(line) });
  }
  return {
    hostname: await text('hostname'),
    machineId: await text('machine-id'),
    hostid:
      hostid?.length === 4
        ? Buffer.from(hostid).readUInt32LE().toString(16).padStart(8, '0')
        : undefined,
    sshHostKeys,
    cloudInit: (await files.list(['var', 'lib', 'cloud'])).length > 0,
  };
}

/** Of a line `ssh-ed25519 BASE64 COMMENT`: RFC 4253, section 6.6. */
function fingerprintOf(line: Uint8Array): string | undefined {
  const [, key] = Buffer.from(line).toString('latin1').split(' ');
  if (key === undefined) return undefined;
  const hash = host.hasher('sha256');
  hash.update(Buffer.from(key, 'base64'));
  return `SHA256:${Buffer.from(hash.digest(), 'hex').toString('base64').replace(/=+$/, '')}`;
}
