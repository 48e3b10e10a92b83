// Finds the dataset to snapshot from what the user typed.

import { realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { KexportError, reasonOf } from '../errors.ts';
import { datasetOf, linkedDevice, zvolDevice } from './device.ts';
import { flushDisk } from '../host/flush.ts';
import { listMounts } from '../host/mounts.ts';
import { parseDatasetName, poolOf } from './names.ts';
import { zfs } from './run.ts';

/**
 * The dataset that an argument names: by its ZFS name, by the device of a volume, or by the mount
 * point of a pool. Throws a KexportError if it is anything else, or a snapshot. Does not check
 * whether a dataset of that name exists.
 */
export async function snapshotScope(word: string): Promise<string> {
  const name = /^\.{0,2}(\/|$)/.test(word) ? await behindPath(word) : word;
  const { dataset, snapshot } = parseDatasetName(name);
  if (snapshot === undefined) return dataset;
  throw new KexportError('usage', `${word} is a snapshot already`);
}

async function behindPath(word: string): Promise<string> {
  const path = await realpath(word).catch((error: unknown) => {
    throw new KexportError('source', `cannot find ${word}: ${reasonOf(error)}`, { cause: error });
  });
  const info = await stat(path, { bigint: true });
  return info.isBlockDevice() ? behindDevice(word, info.rdev) : behindMount(word, path);
}

async function behindDevice(word: string, rdev: bigint): Promise<string> {
  const device = await zvolDevice(rdev);
  if (!device) throw new KexportError('source', `${word} is a device, but not a ZFS volume`);
  return datasetOf(device.disk);
}

async function behindMount(word: string, path: string): Promise<string> {
  const mounts = await listMounts();
  // The last one hides the others.
  const mount = mounts.findLast(({ mountPoint }) => mountPoint === path);
  if (!mount) {
    throw new KexportError('source', `${word} is neither a mount point nor a ZFS volume`, {
      hint: 'name the dataset: zfs list',
    });
  }
  if (mount.type === 'zfs') return poolOf(mount.source);
  throw new KexportError('source', `${word} is not on ZFS: ${mount.type} is mounted there`);
}

/**
 * Flushes this machine's page cache of the volumes in a dataset to the pool: a snapshot would miss
 * those writes. Throws a KexportError.
 */
export async function flushVolumes(dataset: string): Promise<void> {
  for (const volume of await zfs(['list', '-Hr', '-t', 'volume', '-o', 'name', dataset])) {
    const device = await linkedDevice(volume);
    // Without a device, nothing can have been written through one.
    if (device !== undefined) await flushDisk(basename(device));
  }
}
