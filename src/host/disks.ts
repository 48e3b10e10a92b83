// The disks of this machine, from /sys.

import { access, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  BLOCK_DEVICES,
  folderOf,
  hasFile,
  holdersOf,
  pathOf,
  SECTOR,
  textOf,
} from './host-disk.ts';
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
  const ofBtrfs = await btrfsMountsOf(name, mounts);
  return mounts.filter(
    (mount) => mount.device === number || mount.source === pathOf(name) || ofBtrfs.includes(mount),
  );
}

/**
 * The same for btrfs, whose mounts have numbers of their own. It may be on several devices, of
 * which a mount has one as its source, by any of its names.
 */
async function btrfsMountsOf(name: string, mounts: readonly Mount[]): Promise<Mount[]> {
  const devices = await btrfsDevices(name);
  if (devices.length === 0) return [];
  const found: Mount[] = [];
  const unknown: Mount[] = [];
  for (const mount of mounts.filter(({ type }) => type === 'btrfs')) {
    const folder = await folderOf(mount.source);
    if (folder === undefined) unknown.push(mount);
    else if (devices.includes(basename(folder))) found.push(mount);
  }
  // Where the kernel mounts the root, the source is /dev/root, which need not exist.
  return found.length > 0 ? found : unknown;
}

const BTRFS = '/sys/fs/btrfs';

/** The devices of the mounted btrfs that a device is of; empty if it is of none. */
async function btrfsDevices(name: string): Promise<string[]> {
  for (const entry of await readdir(BTRFS).catch(() => [])) {
    const folder = join(BTRFS, entry, 'devices');
    const devices: string[] = await readdir(folder).catch(() => []);
    if (devices.includes(name)) return devices;
  }
  return [];
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
