// A disk of this machine and its partitions, as /sys has them.

import { readdir, readFile, realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** A partition, or the whole disk where a file system or a vdev is right on it. */
export interface HostPartition {
  /** The kernel's name, `sda2`. */
  readonly name: string;
  readonly path: string;
  /** MAJOR:MINOR. */
  readonly number: string;
  /** From 1; 0 for the whole disk. */
  readonly index: number;
  /** In bytes. */
  readonly diskOffset: number;
  readonly size: number;
}

export interface HostDisk extends HostPartition {
  readonly partitions: readonly HostPartition[];
}

// Offsets and sizes in /sys count sectors of this size, whatever the device's own.
const SECTOR = 512;
const BLOCK_DEVICES = '/sys/class/block';

/** The disk that a device is, or is a partition of. Undefined if that path is no block device. */
export async function hostDisk(device: string): Promise<HostDisk | undefined> {
  const name = basename(await realpath(device).catch(() => ''));
  const folder = await realpath(join(BLOCK_DEVICES, name)).catch(() => undefined);
  if (name === '' || folder === undefined) return undefined;
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

async function partitionAt(folder: string): Promise<HostPartition> {
  const name = basename(folder);
  const number = async (file: string) => Number((await textOf(folder, file)) ?? 0);
  return {
    name,
    path: `/dev/${name.replaceAll('!', '/')}`, // as in cciss!c0d0
    number: (await textOf(folder, 'dev')) ?? '',
    index: await number('partition'),
    diskOffset: (await number('start')) * SECTOR,
    size: (await number('size')) * SECTOR,
  };
}

async function hasFile(folder: string, file: string): Promise<boolean> {
  return (await textOf(folder, file)) !== undefined;
}

async function textOf(folder: string, file: string): Promise<string | undefined> {
  const text = await readFile(join(folder, file), 'latin1').catch(() => undefined);
  return text?.trim();
}
