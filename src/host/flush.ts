// Flushes volumes before a snapshot, which only holds what has reached the pool: first the file
// systems of the volume that are mounted on this machine, then the devices on it, from the top
// down.

import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { KexportError, reasonOf } from '../errors.ts';
import { mountsOf, stackOn } from './disks.ts';
import { listMounts, type Mount, reachableMount } from './mounts.ts';

const run = promisify(execFile);

/**
 * Flushes a volume (zd16) from memory to the pool. Returns where file systems on it are mounted on
 * this machine, if any. Throws a KexportError if the writes to the volume fail.
 */
export async function flushDisk(disk: string): Promise<readonly string[]> {
  const mounts = await listMounts();
  const mounted = new Set<string>();
  for (const name of await stackOn(disk)) {
    for (const mount of await mountsOf(name, mounts)) {
      mounted.add(mount.mountPoint);
      await flushFileSystem(mount);
    }
    // Each device has a page cache of its own, partitions too.
    await flushFile(`/dev/${name}`).catch((error: unknown) => {
      if (name === disk) throw error;
    });
  }
  return [...mounted];
}

/** Flushes a mounted file system from memory to its device. Ignores errors. */
export async function flushFileSystem({ device }: Pick<Mount, 'device'>): Promise<void> {
  const mounts = await listMounts();
  const own = mounts.filter((mount) => mount.device === device);
  const reachable = await reachableMount(own, mounts);
  // Node has no syncfs(2). Without a path to the file system, all are flushed. If that fails, the
  // journal on the disk is still consistent.
  const which = reachable ? ['-f', '--', reachable.mountPoint] : [];
  await run('sync', which).catch(() => undefined);
}

/** Flushes a file or a device. Throws a KexportError. */
export async function flushFile(path: string): Promise<void> {
  try {
    const file = await open(path, 'r');
    try {
      await file.sync();
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw new KexportError('source', `cannot flush ${path}: ${reasonOf(cause)}`, { cause });
  }
}
