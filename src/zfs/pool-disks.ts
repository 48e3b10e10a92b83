// Finds the disks that an imported pool lies on.

import { layerBelow, overlaps } from '../host/host-disk.ts';
import { zpool } from './run.ts';

/** An imported pool and its devices. */
export interface PoolDevices {
  readonly pool: string;
  /**
   * Paths as ZFS has them, with links resolved. Mostly partitions, since ZFS makes one on a disk
   * that it is given whole; files too.
   */
  readonly paths: readonly string[];
}

/** The imported pools. Throws a KexportError. */
export async function listPoolDevices(): Promise<PoolDevices[]> {
  return parsePoolDevices(await zpool(['list', '-vHPL']));
}

/**
 * Parses what `zpool list -vHPL` prints: a line for each pool, and below it one for each vdev,
 * after a tab.
 */
export function parsePoolDevices(lines: readonly string[]): PoolDevices[] {
  const pools: { pool: string; paths: string[] }[] = [];
  for (const line of lines) {
    const [first = '', second = ''] = line.split('\t');
    // A vdev such as mirror-0 or raidz1-0 has no path; the line of a class (logs, cache) has no
    // tabs at all.
    if (second.startsWith('/')) pools.at(-1)?.paths.push(second);
    else if (first !== '' && second !== '') pools.push({ pool: first, paths: [] });
  }
  return pools;
}

/**
 * The imported pool that lies on that device or on a partition of it, directly or through a layer
 * such as LUKS.
 */
export async function poolOnDevice(
  path: string,
  pools: readonly PoolDevices[],
): Promise<string | undefined> {
  for (const { pool, paths } of pools) {
    for (const device of paths) {
      for (const below of [device, ...((await layerBelow(device))?.devices ?? [])]) {
        if (await overlaps(path, below)) return pool;
      }
    }
  }
  return undefined;
}
