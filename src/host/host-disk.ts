// The disks of this machine, their partitions, and the layers of LUKS, LVM, md or multipath on
// them, from /sys.

import { readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { deviceNumber } from './block-device.ts';

/** A partition, or a whole disk with a file system or a vdev directly on it. */
export interface HostPartition {
  /** The kernel's name, `sda2`. */
  readonly name: string;
  /** Its device, `/dev/sda2`. */
  readonly path: string;
  /** MAJOR:MINOR. */
  readonly number: string;
  /** From 1; 0 for the whole disk. */
  readonly index: number;
  /** Where it begins on the disk, in bytes. */
  readonly diskOffset: number;
  /** In bytes. */
  readonly size: number;
}

/** A disk and its partitions. */
export interface HostDisk extends HostPartition {
  /** Ascending by their offset on the disk. */
  readonly partitions: readonly HostPartition[];
}

// Offsets and sizes in /sys count sectors of 512 bytes, whatever the device's own sector size.
export const SECTOR = 512;
export const BLOCK_DEVICES = '/sys/class/block';

/** The disk that a device is, or is a partition of; undefined if the path is not a block device. */
export async function hostDisk(device: string): Promise<HostDisk | undefined> {
  const folder = await folderOf(device);
  if (folder === undefined) return undefined;
  const isPartition = await hasFile(folder, 'partition');
  const diskFolder = isPartition ? dirname(folder) : folder;
  const entries = await readdir(diskFolder, { withFileTypes: true });
  const partitions: HostPartition[] = [];
  for (const entry of entries.filter((found) => found.isDirectory())) {
    const path = join(diskFolder, entry.name);
    if (await hasFile(path, 'partition')) partitions.push(await partitionAt(path));
  }
  partitions.sort((one, other) => one.diskOffset - other.diskOffset);
  return { ...(await partitionAt(diskFolder)), partitions };
}

/**
 * A disk with its partitions, or a partition by itself. Empty for a path that is not a block
 * device.
 */
export async function partsOf(device: string): Promise<HostPartition[]> {
  const disk = await hostDisk(device);
  const number = await numberOf(device);
  if (!disk) return [];
  if (disk.number === number) return [disk, ...disk.partitions];
  return disk.partitions.filter((partition) => partition.number === number);
}

/**
 * Whether two devices are the same or one is a partition of the other, so that they share bytes.
 */
export async function overlaps(one: string, other: string): Promise<boolean> {
  const numbers = new Set((await partsOf(one)).map(({ number }) => number));
  return (await partsOf(other)).some(({ number }) => numbers.has(number));
}

/** The kernel's name of a block device, `sda2`; undefined where /sys does not have it. */
export async function nameOfDevice(rdev: bigint): Promise<string | undefined> {
  const folder = await realpath(`/sys/dev/block/${deviceNumber(rdev)}`).catch(() => undefined);
  return folder && basename(folder);
}

/** What a device that is not itself a disk is made of. */
export interface DeviceLayer {
  /** LUKS, LVM, multipath, md, or the kernel's name of another kind. */
  readonly kind: string;
  /** The device itself: of a partition, the one that it is on. */
  readonly path: string;
  /** The devices below, and those below them: `/dev/dm-0` and `/dev/sda3`. */
  readonly devices: readonly string[];
}

/**
 * The layer of a device; undefined for a disk, a partition of one, or a path that is not a block
 * device.
 */
export async function layerBelow(device: string): Promise<DeviceLayer | undefined> {
  const folder = await folderOf(device);
  if (folder === undefined) return undefined;
  // A partition of an array has the layer of the array.
  const isPartition = await hasFile(folder, 'partition');
  const own = isPartition ? dirname(folder) : folder;
  const names = await readdir(join(own, 'slaves')).catch(() => []);
  if (names.length === 0) return undefined;
  const devices: string[] = [];
  for (const path of names.map(pathOf)) {
    devices.push(path, ...((await layerBelow(path))?.devices ?? []));
  }
  return { kind: await kindOf(own), path: pathOf(basename(own)), devices };
}

/** The layer of a device, and those of the devices below, from the top down. */
export async function layersBelow(device: string): Promise<DeviceLayer[]> {
  const layer = await layerBelow(device);
  if (!layer) return [];
  const below = await Promise.all(layer.devices.map(layerBelow));
  return [layer, ...below.filter((each) => each !== undefined)];
}

/** Names of the devices that are built on that one, such as `dm-0`. */
export function holdersOf({ name }: Pick<HostPartition, 'name'>): Promise<string[]> {
  const folder = join(BLOCK_DEVICES, name, 'holders');
  return readdir(folder).catch(() => []);
}

/** How programs that use libdevmapper begin the UUID of a device. */
const KINDS: readonly (readonly [prefix: string, kind: string])[] = [
  ['CRYPT-', 'LUKS'],
  ['LVM-', 'LVM'],
  ['mpath-', 'multipath'],
];

async function kindOf(folder: string): Promise<string> {
  if (await hasFile(folder, 'md/level')) return 'md';
  const uuid = await textOf(folder, 'dm/uuid');
  if (uuid === undefined) return basename(folder);
  return KINDS.find(([prefix]) => uuid.startsWith(prefix))?.[1] ?? 'device mapper';
}

async function partitionAt(folder: string): Promise<HostPartition> {
  const name = basename(folder);
  const number = async (file: string) => Number((await textOf(folder, file)) ?? 0);
  return {
    name,
    path: pathOf(name),
    number: (await textOf(folder, 'dev')) ?? '',
    index: await number('partition'),
    diskOffset: (await number('start')) * SECTOR,
    size: (await number('size')) * SECTOR,
  };
}

/** The path of the device with that name in /sys. */
export function pathOf(name: string): string {
  return `/dev/${name.replaceAll('!', '/')}`; // as in cciss!c0d0
}

/** The folder in /sys of a block device; undefined for other files. */
export async function folderOf(device: string): Promise<string | undefined> {
  const number = await numberOf(device);
  return number && realpath(`/sys/dev/block/${number}`).catch(() => undefined);
}

async function numberOf(device: string): Promise<string | undefined> {
  const found = await stat(device, { bigint: true }).catch(() => undefined);
  return found?.isBlockDevice() ? deviceNumber(found.rdev) : undefined;
}

/** Whether a folder of /sys has a file of that name that can be read. */
export async function hasFile(folder: string, file: string): Promise<boolean> {
  return (await textOf(folder, file)) !== undefined;
}

/** The text of a file in a folder of /sys, trimmed; undefined if it cannot be read. */
export async function textOf(folder: string, file: string): Promise<string | undefined> {
  const text = await readFile(join(folder, file), 'utf8').catch(() => undefined);
  return text?.trim();
}
