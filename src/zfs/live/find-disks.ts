// Finds the disks to export: those that are named, that of the pool of `/`, all of a pool.

import { KexportError } from '../../errors.ts';
import { type HostDisk, hostDisk, layersBelow } from '../../host/host-disk.ts';
import { rootMount } from '../../host/mounts.ts';
import { shellWord } from '../../host/shell-word.ts';
import { poolOf } from '../names.ts';
import { zpool } from '../run.ts';
import { devicesOf, holdsData } from './pool-shape.ts';
import { parsePoolStatus, type PoolStatus } from './pool-status.ts';

/** The pool that `/` is on; undefined if it is not on ZFS. */
export async function rootPool(): Promise<string | undefined> {
  const root = await rootMount();
  return root?.type === 'zfs' ? poolOf(root.source) : undefined;
}

/** The first disk of the pool that `/` is on. Throws a KexportError if there is none. */
export async function rootDisk(): Promise<HostDisk> {
  const pool = await rootPool();
  if (pool === undefined) {
    throw new KexportError('usage', "no disk is named, and this machine's root is not on ZFS");
  }
  const { topLevel } = parsePoolStatus(await zpool(['status', '-PL', pool]));
  const devices = topLevel.flatMap(devicesOf).map(({ name }) => name);
  for (const path of devices) {
    await refuseLayer(path, pool);
    const disk = await hostDisk(path);
    if (disk) return disk;
  }
  throw new KexportError(
    'source',
    `pool ${pool} lies on no disk of this machine: ${devices.join(', ')}`,
  );
}

/** The disks of devices, in their order. Throws a KexportError if one is none, or named twice. */
export async function namedDisks(devices: readonly string[]): Promise<HostDisk[]> {
  const disks: HostDisk[] = [];
  for (const device of devices) {
    const disk = await hostDisk(device);
    if (!disk) {
      throw new KexportError('source', `${device} is not a disk of this machine`, {
        hint: 'see lsblk',
      });
    }
    if (disks.some(({ path }) => path === disk.path)) {
      throw new KexportError('usage', `${device} is on ${disk.path}, which is given already`);
    }
    disks.push(disk);
  }
  return disks;
}

/**
 * Throws a KexportError for a device of a layer such as LUKS: the machine would not boot from it
 * alone. It is exported if it is named.
 */
async function refuseLayer(device: string, pool: string): Promise<void> {
  const [layer] = await layersBelow(device);
  if (!layer) return;
  const found = `pool ${pool} is on ${device}, which is ${layer.kind} on ${layer.devices.join(', ')}`;
  throw new KexportError('source', `${found}: this machine's disk cannot be exported in use`, {
    hint: await layerHint(device),
  });
}

/** What can be done for a pool on a device of a layer. */
export async function layerHint(device: string): Promise<string> {
  const layers = await layersBelow(device);
  const { path } = layers[0] ?? { path: device };
  const how = layers.some(({ kind }) => kind === 'LUKS') ? ', decrypted' : '';
  const command = `kexport all ${shellWord(path)} --checkpoint`;
  return `${command} exports that device as a disk of its own${how}, which imports elsewhere but boots nothing`;
}

/**
 * The disks of every pool on some disks, and of every pool on those, by their names. Disks that
 * have nothing but caches and spares are not among them.
 */
export async function wholePools(
  disks: readonly HostDisk[],
  statuses: ReadonlyMap<string, PoolStatus>,
): Promise<HostDisk[]> {
  const ofPools = await Promise.all([...statuses.values()].map(disksOf));
  const found = new Map(disks.map((disk) => [disk.path, disk]));
  for (let count = 0; count < found.size;) {
    count = found.size;
    for (const own of ofPools) {
      if (own.some(({ path }) => found.has(path)))
        for (const disk of own) found.set(disk.path, disk);
    }
  }
  return [...found.values()].sort((one, other) => byName(one.path, other.path));
}

/** The disks that a pool has data on; of a layer such as LUKS, its device. */
async function disksOf({ topLevel }: PoolStatus): Promise<HostDisk[]> {
  const devices = topLevel.filter(holdsData).flatMap(devicesOf);
  const disks: HostDisk[] = [];
  for (const { name } of devices.filter(({ state }) => state === 'ONLINE')) {
    const disk = await hostDisk(name);
    if (disk) disks.push(disk);
  }
  return disks;
}

/** As the kernel counts: sdb before sdaa, nvme2n1 before nvme10n1. */
function byName(one: string, other: string): number {
  const byLength = /\d/.test(one + other) ? 0 : one.length - other.length;
  return byLength || one.localeCompare(other, 'en', { numeric: true });
}
