// A snapshot holds what has reached the pool. What this machine's kernel still holds of a volume in
// memory is written first: by the file systems that are mounted from it here, then by the devices
// on it, from the top down.

import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { KexportError, reasonOf } from '../errors.ts';
import { mountsOf, stackOn } from './disks.ts';
import { listMounts } from './mounts.ts';

const run = promisify(execFile);

/**
 * Writes to a volume (zd16) what the kernel holds of it in memory. Returns where file systems on it
 * are mounted here, if any. Throws a KexportError if the volume does not take the writes.
 */
export async function flushDisk(disk: string): Promise<readonly string[]> {
  const mounts = await listMounts();
  const mounted = new Set<string>();
  for (const name of await stackOn(disk)) {
    for (const { mountPoint } of await mountsOf(name, mounts)) {
      mounted.add(mountPoint);
      await flushFileSystem(mountPoint);
    }
    // Each device has a page cache of its own, partitions too.
    await flushFile(`/dev/${name}`).catch((error: unknown) => {
      if (name === disk) throw error;
    });
  }
  return [...mounted];
}

/** Writes what the kernel holds in memory of a mounted file system, as far as that can be done. */
export async function flushFileSystem(mountPoint: string): Promise<void> {
  // syncfs(2), which Node lacks. A file system that cannot be flushed has its journal on the disk
  // all the same.
  await run('sync', ['-f', '--', mountPoint]).catch(() => undefined);
}

/** The same of a file or a device. Throws a KexportError. */
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
