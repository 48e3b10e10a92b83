import { realpath, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { KexportError, option, reasonOf, Warning, wording } from '../errors.ts';
import type { DiskSnapshot } from '../host/disk-snapshot.ts';
import type { SnapshotOptions } from '../host/disk-snapshot.ts';
import { destroyAll, warnLive } from './snapshot-volume.ts';
import { type Made, makeSnapshot } from './made.ts';
import { flushFile } from '../host/flush.ts';
import { listMounts, mountOf } from '../host/mounts.ts';
import { zfsFailure } from './run.ts';

/**
 * Snapshots the dataset that a file lies on and finds the file in `.zfs/snapshot`, which exists
 * whatever `snapdir` says. Returns undefined, with a warning, where this user or this machine
 * cannot make a snapshot: the file can still be read as it is. Throws a KexportError, and leaves
 * nothing behind then.
 */
export async function snapshotFile(
  path: string,
  options: SnapshotOptions,
): Promise<DiskSnapshot | undefined> {
  const place = await findPlace(path);
  if (!place) return undefined;
  if (options.takeSnapshot === false) {
    warnLive(path, options);
    return undefined;
  }
  const made: Made[] = [];
  const release = () => destroyAll(made, options.onWarning);
  try {
    // A snapshot misses what programs have written through mmap(2) until it is flushed.
    await flushFile(path);
    const snapshot = await makeSnapshot(place.dataset, options.onWarning);
    made.push(snapshot);
    const label = snapshot.name.slice(place.dataset.length + 1);
    const frozen = join(place.mountPoint, '.zfs/snapshot', label, place.inner);
    await checkReachable(frozen, snapshot.name);
    return { path: frozen, window: undefined, release };
  } catch (error) {
    await release();
    const kind = zfsFailure(error);
    if (kind !== 'no-command' && kind !== 'no-module' && kind !== 'permission') throw error;
    const why = error instanceof Error ? error.message : '';
    options.onWarning?.(
      new Warning(
        'inconsistent',
        `${path} is read as it is, not from a snapshot of ${place.dataset}: ${why}. What is written to it meanwhile is in \
the image in part`,
      ),
    );
    return undefined;
  }
}

interface Place {
  readonly dataset: string;
  /** Where the whole dataset is mounted. */
  readonly mountPoint: string;
  /** The path of the file in the dataset. */
  readonly inner: string;
}

/** Where a file lies; undefined if it is not on ZFS, or in a snapshot already. */
async function findPlace(path: string): Promise<Place | undefined> {
  const real = await realpath(path);
  const mounts = await listMounts();
  const mount = mountOf(real, mounts);
  if (mount?.type !== 'zfs' || mount.source.includes('@')) return undefined;
  const inner = join(mount.root, relative(mount.mountPoint, real));
  // A bind mount of a folder has no .zfs of its own.
  const whole = mounts.findLast(({ device, root }) => device === mount.device && root === '/');
  if (!whole) {
    throw new KexportError(
      'source',
      `${path} is on ${mount.source}, of which only a part is mounted here`,
      {
        hint: wording`export it where all of the dataset is mounted, or use ${option('takeSnapshot', false)}`,
      },
    );
  }
  return { dataset: mount.source, mountPoint: whole.mountPoint, inner };
}

/** The first access makes the kernel mount the snapshot. */
async function checkReachable(path: string, snapshot: string): Promise<void> {
  try {
    await stat(path);
  } catch (error) {
    throw new KexportError('source', `cannot read ${snapshot} as ${path}: ${reasonOf(error)}`, {
      cause: error,
      hint: wording`in a container, export it on the host, or use ${option('takeSnapshot', false)}`,
    });
  }
}
