import { listMounts } from './mounts.ts';
import { poolOf } from './names.ts';
import { listPoolDevices, wholeDiskOf } from './pool-disks.ts';

/** What this machine runs from, if its root is on ZFS. */
export interface RootDisk {
  readonly pool: string;
  /** The whole disks that the pool lies on. */
  readonly disks: readonly string[];
}

/** Finds the pool that `/` is on, and its disks; undefined if `/` is not on ZFS. Throws a KexportError. */
export async function findRootDisk(): Promise<RootDisk | undefined> {
  const mounts = await listMounts();
  const root = mounts.findLast(({ mountPoint }) => mountPoint === '/');
  if (root?.type !== 'zfs') return undefined;
  const pool = poolOf(root.source);
  const [devices] = await listPoolDevices(pool);
  const disks = await Promise.all((devices?.paths ?? []).map(wholeDiskOf));
  return { pool, disks: [...new Set(disks)] };
}
