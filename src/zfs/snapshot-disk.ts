// Snapshots a disk that lies on ZFS, and finds the path to read the snapshot through. The code for
// that is imported on demand: most disks are files that are not on ZFS.

import { stat, statfs } from 'node:fs/promises';
import { errnoOf, KexportError, Warning } from '../errors.ts';
import { datasetOf, linkOf, nameInLinks, type ZvolDevice, zvolDevice } from './device.ts';
import { isPoolName, parseDatasetName } from './names.ts';
import { zfs, zfsFailure } from './run.ts';
import { ZFS } from '../host/file-systems.ts';
import type { DiskSnapshot, SnapshotOptions } from '../host/disk-snapshot.ts';

/**
 * Snapshots the disk that `name` stands for, if it is on ZFS: a volume or a snapshot by its ZFS
 * name, the device of one, a file on a dataset. Returns undefined for anything else, which the
 * caller opens by that name. Throws a KexportError.
 */
export async function snapshotDisk(
  name: string,
  options: SnapshotOptions,
): Promise<DiskSnapshot | undefined> {
  const found = await stat(name, { bigint: true }).catch((error: unknown) => errnoOf(error));
  if (found === 'ENOENT') return snapshotByName(name, options);
  if (typeof found !== 'object') return undefined;
  await warnOfNamesake(name, options);
  if (found.isBlockDevice()) {
    const device = await zvolDevice(found.rdev);
    if (device) return snapshotDevice(name, device, options);
    const { checkNoLivePool } = await import('./live-pool.ts');
    await checkNoLivePool(name, options);
    return undefined;
  }
  if (!found.isFile() || (await statfs(name)).type !== ZFS) return undefined;
  const { snapshotFile } = await import('./snapshot-file.ts');
  return snapshotFile(name, options);
}

async function snapshotDevice(
  path: string,
  { disk, partition }: ZvolDevice,
  options: SnapshotOptions,
): Promise<DiskSnapshot | undefined> {
  const { snapshotVolume, warnLive } = await import('./snapshot-volume.ts');
  if (options.takeSnapshot === false) {
    warnLive(path, options);
    return undefined;
  }
  const name = parseDatasetName(await datasetOf(disk));
  if (partition) {
    options.onWarning?.(
      new Warning(
        'partition',
        `${path} is one partition of the ZFS volume ${name.dataset}: its image has no partition table and does not boot; \
name the volume to export all of it`,
      ),
    );
  }
  // The device of a snapshot never changes, and its snapshot cannot be destroyed while it is open.
  if (name.snapshot !== undefined) {
    if (partition) return undefined;
    const { snapshotGuidOf } = await import('./volume.ts');
    const snapshotGuid = await snapshotGuidOf(name, options.signal);
    return { path, window: undefined, snapshotGuid, release: () => Promise.resolve() };
  }
  return snapshotVolume(name, options, partition);
}

/** For a name that no file has: a volume may have it. */
async function snapshotByName(
  name: string,
  options: SnapshotOptions,
): Promise<DiskSnapshot | undefined> {
  const linked = nameInLinks(name);
  if (linked !== undefined) return snapshotNamed(linked, options);
  const [pool = ''] = name.split(/[/@#]/, 1);
  if (!isPoolName(pool)) return undefined;
  try {
    await zfs(['list', '-H', '-o', 'name', pool], { signal: options.signal });
  } catch (error) {
    throw noSuchThing(name, pool, error);
  }
  return snapshotNamed(name, options);
}

async function snapshotNamed(text: string, options: SnapshotOptions): Promise<DiskSnapshot> {
  const name = parseDatasetName(text);
  const { snapshotVolume } = await import('./snapshot-volume.ts');
  const snapshot = await snapshotVolume(name, options);
  return name.snapshot === undefined ? { ...snapshot, origin: linkOf(name.dataset) } : snapshot;
}

function noSuchThing(name: string, pool: string, error: unknown): unknown {
  const kind = zfsFailure(error);
  const absent = kind === 'no-command' || kind === 'no-module';
  if (!(error instanceof KexportError) || (kind !== 'missing' && !absent)) return error;
  const neither = absent ? error.message : `ZFS has no pool ${pool}`;
  return new KexportError('source', `cannot open ${name}: no such file or directory (ENOENT)`, {
    cause: error,
    // A name without a slash or an @ is hardly meant as a volume.
    ...(absent && name === pool ? {} : { hint: `it is not a ZFS volume either: ${neither}` }),
  });
}

/** A file takes precedence over a volume of the same name. */
async function warnOfNamesake(name: string, { signal, onWarning }: SnapshotOptions): Promise<void> {
  const [pool = '', ...rest] = name.split('/');
  if (rest.length === 0 || !isPoolName(pool)) return; // a pool is not a volume
  const list = ['list', '-H', '-t', 'volume,snapshot', '-o', 'name', name];
  const listed = await zfs(list, { signal }).catch((): string[] => []);
  if (!listed.includes(name)) return;
  const other = `the ZFS volume ${name}`;
  onWarning?.(
    new Warning(
      'ambiguous-name',
      `${name} is read as the file of that name, not as ${other}: that is /dev/zvol/${name}`,
    ),
  );
}
