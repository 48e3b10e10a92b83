// Which disks an imported pool lies on.

import { access, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { deviceNumber } from '../block-device.ts';
import { zpool } from './run.ts';

/** An imported pool and its devices. */
export interface PoolDevices {
  readonly pool: string;
  /** As ZFS has them, without links: partitions mostly, since a pool that is given a whole disk makes one. Files too. */
  readonly paths: readonly string[];
}

/** The imported pools, or only the one of that name. Throws a KexportError. */
export async function listPoolDevices(pool?: string): Promise<PoolDevices[]> {
  return parsePoolDevices(await zpool(['list', '-vHPL', ...(pool === undefined ? [] : [pool])]));
}

/** Takes apart what `zpool list -vHPL` prints: a line for each pool, and below it one for each vdev, after a tab. */
export function parsePoolDevices(lines: readonly string[]): PoolDevices[] {
  const pools: { pool: string; paths: string[] }[] = [];
  for (const line of lines) {
    const [first = '', second = ''] = line.split('\t');
    // mirror-0, raidz1-0 and their like are no paths; the line of a class (logs, cache) has no tabs at all.
    if (second.startsWith('/')) pools.at(-1)?.paths.push(second);
    else if (first !== '' && second !== '') pools.push({ pool: first, paths: [] });
  }
  return pools;
}

/** The imported pool that lies on that device, or on a partition of it. */
export async function poolOnDevice(
  path: string,
  pools: readonly PoolDevices[],
): Promise<string | undefined> {
  const folder = await sysfsFolder(path);
  if (folder === undefined) return undefined;
  for (const { pool, paths } of pools) {
    for (const device of paths) {
      const other = await sysfsFolder(device);
      if (other !== undefined && (other === folder || dirname(other) === folder)) return pool;
    }
  }
  return undefined;
}

/** The disk that a device is a partition of, /dev/sda for /dev/sda3, or the device itself. */
export async function wholeDiskOf(path: string): Promise<string> {
  const folder = await sysfsFolder(path);
  if (folder === undefined) return path;
  const isPartition = await access(join(folder, 'partition')).then(
    () => true,
    () => false,
  );
  return `/dev/${basename(isPartition ? dirname(folder) : folder).replaceAll('!', '/')}`;
}

/** The folder in /sys of a block device; undefined for other files. */
async function sysfsFolder(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  if (!found?.isBlockDevice()) return undefined;
  return realpath(`/sys/dev/block/${deviceNumber(found.rdev)}`).catch(() => undefined);
}
