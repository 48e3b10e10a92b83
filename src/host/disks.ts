// The disks of this machine, from /sys.

import { access, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { BLOCK_DEVICES, hasFile, holdersOf, pathOf, SECTOR, textOf } from './host-disk.ts';
import { listMounts, type Mount } from './mounts.ts';

/** A whole disk that can be exported. */
export interface ListedDisk {
  /** /dev/sda */
  readonly path: string;
  /** In bytes. */
  readonly size: number;
  readonly model: string | undefined;
  /** The mounted file systems on the disk, its partitions, or layers such as LVM on them. */
  readonly mounts: readonly Mount[];
}

/**
 * Lists the disks that have a medium, without loop devices, volumes and others that the kernel
 * makes from files or disks.
 */
export async function listDisks(): Promise<ListedDisk[]> {
  const names = await readdir(BLOCK_DEVICES).catch(() => []);
  const disks = await Promise.all(names.sort().map(diskOf));
  return disks.filter((disk) => disk !== undefined);
}

async function diskOf(name: string): Promise<ListedDisk | undefined> {
  const folder = join(BLOCK_DEVICES, name);
  // Only hardware has this entry; partitions do not.
  const isDisk = (await exists(join(folder, 'device'))) && !/^(sr|fd)\d/.test(name);
  const size = Number(await textOf(folder, 'size')) * SECTOR;
  if (!isDisk || !(size > 0)) return undefined;
  const model = await textOf(folder, 'device/model');
  return { path: pathOf(name), size, model, mounts: await mountsOn(name) };
}

/**
 * What is mounted of the file systems on a device (sda), on its partitions or on what is built of
 * them.
 */
export async function mountsOn(name: string): Promise<Mount[]> {
  const mounts = await listMounts();
  const devices = await stackOn(name);
  const found = await Promise.all(devices.map((device) => mountsOf(device, mounts)));
  return [...new Set(found.flat())];
}

/** Where mounts may be written to, for messages; undefined if none may. */
export function writableAt(mounts: readonly Mount[]): string | undefined {
  const places = mounts.filter(({ isReadOnly }) => !isReadOnly);
  return places.map(({ mountPoint }) => mountPoint).join(', ') || undefined;
}

/** The mounts of the file system directly on a device (sda1). */
export async function mountsOf(name: string, mounts: readonly Mount[]): Promise<Mount[]> {
  const number = await textOf(join(BLOCK_DEVICES, name), 'dev');
  return mounts.filter(
    // btrfs has device numbers of its own.
    ({ device, source }) => device === number || source === `/dev/${name}`,
  );
}

/**
 * A device and everything on it: partitions, LVM, LUKS. A device comes after those that lie on it.
 */
export async function stackOn(name: string): Promise<string[]> {
  const folder = join(BLOCK_DEVICES, name);
  const entries = await readdir(folder).catch(() => []);
  const partitions: string[] = [];
  for (const entry of entries) {
    if (await hasFile(join(folder, entry), 'partition')) partitions.push(entry);
  }
  const holders = await holdersOf({ name });
  const above = await Promise.all([...partitions, ...holders].map(stackOn));
  return [...above.flat(), name];
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
