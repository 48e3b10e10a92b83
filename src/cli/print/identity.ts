import type { DiskIdentity, VolumeIdentity } from '../../inspect/disk-identity.ts';
import type { MachineFiles } from '../../inspect/machine-files.ts';
import { formatLines, type Line } from './lines.ts';

/** What `kexport info --identity --json` says of a disk. */
export function identityJson(identity: DiskIdentity) {
  const { diskGuid, diskSignature, volumes } = identity;
  return {
    ...{ diskGuid, diskSignature },
    volumes: volumes.map(({ index, guid, content, uuid, machine }) => ({
      ...{ index, guid, kind: content?.kind, uuid, pool: content?.pool, machine },
    })),
    cloneNeeds: needsOf(identity),
  };
}

/** What `kexport info --identity` adds. */
export function identityText(identity: DiskIdentity): string {
  const { diskGuid, diskSignature, volumes } = identity;
  const lines: Line[] = [
    ...lineOf('disk GUID', diskGuid),
    ...lineOf('disk signature', diskSignature),
    ...volumes.flatMap(volumeLines),
  ];
  const needs = needsOf(identity).map((need) => `  ${need}\n`);
  const known = lines.length === 0 ? '' : formatLines(lines);
  return needs.length === 0
    ? known
    : `${known}a clone beside the original needs:\n${needs.join('')}`;
}

function volumeLines({ index, guid, content, uuid, machine }: VolumeIdentity): Line[] {
  const pool = content?.pool;
  const host = [
    ...(pool?.hostname === undefined ? [] : [`host ${pool.hostname}`]),
    ...(pool?.hostid === undefined ? [] : [`hostid ${pool.hostid}`]),
  ];
  const notes = [
    ...(guid === undefined ? [] : [`GUID ${guid}`]),
    ...(content && uuid !== undefined ? [`${content.kind} ${uuid}`] : []),
    ...(pool?.guid === undefined ? [] : [`pool "${pool.name ?? ''}", guid ${pool.guid}`]),
    ...(host.length === 0 ? [] : [`last used by ${host.join(', ')}`]),
  ];
  const name = index === undefined ? 'whole disk' : `partition ${index}`;
  return [
    ...(notes.length === 0 ? [] : [[name, notes.join(', ')] as const]),
    ...(machine ? machineLines(machine) : []),
  ];
}

function machineLines({ hostname, machineId, hostid, sshHostKeys }: MachineFiles): Line[] {
  return [
    ...lineOf('  hostname', hostname),
    ...lineOf('  machine-id', machineId === '' ? 'none yet' : machineId),
    ...lineOf('  hostid', hostid),
    ...sshHostKeys.map(({ name, fingerprint }): Line => [
      '  SSH host key',
      fingerprint === undefined ? name : `${name} ${fingerprint}`,
    ]),
  ];
}

function lineOf(key: string, value: string | undefined): Line[] {
  return value === undefined ? [] : [[key, value]];
}

/** What must change in a clone before it runs beside the original: sentences for people. */
function needsOf({ volumes }: DiskIdentity): string[] {
  const needs: string[] = [];
  for (const { content } of volumes) {
    const { name, guid } = content?.pool ?? {};
    if (name === undefined || guid === undefined) continue;
    needs.push(
      `a pool guid of its own: where the original is not imported, zpool import -f ${name} && zpool reguid ${name}`,
      'what the files of that pool have of the machine is not seen here: kexport all --generalize on the machine makes an image without it',
    );
  }
  const machines = volumes.flatMap(({ machine }) => (machine ? [machine] : []));
  for (const { machineId, sshHostKeys, cloudInit, hostid } of machines) {
    if (machineId !== undefined && machineId !== '') {
      needs.push('a machine-id of its own: empty /etc/machine-id before its first boot');
    }
    if (sshHostKeys.length > 0) {
      needs.push('SSH host keys of its own: rm /etc/ssh/ssh_host_*, then ssh-keygen -A');
    }
    if (hostid !== undefined)
      needs.push('on shared ZFS storage, a hostid of its own: zgenhostid -f');
    if (cloudInit)
      needs.push('cloud-init clean --logs, or another instance-id, so that it runs anew');
  }
  return needs;
}
