// A disk that lies on ZFS is made to hold still: what its name stands for becomes a snapshot, and a path to read it by. How
// is loaded late: most disks are files that do not lie on ZFS.

import { stat, statfs } from 'node:fs/promises';
import { errnoOf, KexportError } from '../errors.ts';
import { datasetOf, linkOf, nameInLinks, type ZvolDevice, zvolDevice } from './device.ts';
import { isPoolName, parseDatasetName } from './names.ts';
import { zfs, zfsFailure } from './run.ts';

/** How `freeze` goes about it. */
export interface FreezeOptions {
  /** False reads volumes and files as they are, while they may change. */
  readonly snapshot?: boolean | undefined;
  /** Reads the device of a pool that is in use, although the copy does not import. */
  readonly liveInconsistent?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Called with a sentence for people. */
  readonly onWarning?: ((message: string) => void) | undefined;
}

/** A disk that does not change while it is read. */
export interface Frozen {
  /** The file or device that holds it. */
  readonly path: string;
  /** The part of it that is the disk; undefined for all. In bytes. */
  readonly window: { readonly start: number; readonly size: number } | undefined;
  /** The device of the volume that was named, for who is about to write to that. */
  readonly origin?: string | undefined;
  /** Of the snapshot that was named, if that is the disk. */
  readonly snapshotGuid?: bigint | undefined;
  /** Takes away what was made for it. To be called once, when `path` is closed; tells by a warning of what stays. */
  release(): Promise<void>;
}

/** f_type of ZFS, statfs(2): ZFS_SUPER_MAGIC. */
const ZFS_MAGIC = 0x2fc12fc1;

/**
 * Snapshots what a name stands for, if it is on ZFS: a volume or a snapshot by its name in ZFS, the device of one, a
 * file on a dataset. Undefined for anything else, which is to be opened by that name. Throws a KexportError.
 */
export async function freeze(name: string, options: FreezeOptions): Promise<Frozen | undefined> {
  const found = await stat(name, { bigint: true }).catch((error: unknown) => errnoOf(error));
  if (found === 'ENOENT') return freezeByName(name, options);
  if (typeof found !== 'object') return undefined;
  await warnOfNamesake(name, options);
  if (found.isBlockDevice()) {
    const device = await zvolDevice(found.rdev);
    if (device) return freezeDevice(name, device, options);
    const { checkNoLivePool } = await import('./live-pool.ts');
    await checkNoLivePool(name, options);
    return undefined;
  }
  if (!found.isFile() || (await statfs(name)).type !== ZFS_MAGIC) return undefined;
  const { freezeFile } = await import('./freeze-file.ts');
  return freezeFile(name, options);
}

async function freezeDevice(
  path: string,
  { disk, partition }: ZvolDevice,
  options: FreezeOptions,
): Promise<Frozen | undefined> {
  const { freezeVolume, warnLive } = await import('./freeze-volume.ts');
  if (options.snapshot === false) {
    warnLive(path, options);
    return undefined;
  }
  const name = parseDatasetName(await datasetOf(disk));
  if (partition) {
    options.onWarning?.(
      `${path} is one partition of the ZFS volume ${name.dataset}: its image has no partition table and does not boot; \
name the volume to export all of it`,
    );
  }
  // The device of a snapshot holds still by itself, and keeps the snapshot from being destroyed.
  if (name.snapshot !== undefined) {
    if (partition) return undefined;
    const { snapshotGuidOf } = await import('./volume.ts');
    const snapshotGuid = await snapshotGuidOf(name, options.signal);
    return { path, window: undefined, snapshotGuid, release: () => Promise.resolve() };
  }
  return freezeVolume(name, options, partition);
}

/** No file has that name: it is a volume's, or of nothing. */
async function freezeByName(name: string, options: FreezeOptions): Promise<Frozen | undefined> {
  const linked = nameInLinks(name);
  if (linked !== undefined) return freezeNamed(linked, options);
  const [pool = ''] = name.split(/[/@#]/, 1);
  if (!isPoolName(pool)) return undefined;
  try {
    await zfs(['list', '-H', '-o', 'name', pool], { signal: options.signal });
  } catch (error) {
    throw noSuchThing(name, pool, error);
  }
  return freezeNamed(name, options);
}

async function freezeNamed(text: string, options: FreezeOptions): Promise<Frozen> {
  const name = parseDatasetName(text);
  const { freezeVolume } = await import('./freeze-volume.ts');
  const frozen = await freezeVolume(name, options);
  return name.snapshot === undefined ? { ...frozen, origin: linkOf(name.dataset) } : frozen;
}

function noSuchThing(name: string, pool: string, error: unknown): unknown {
  const kind = zfsFailure(error);
  const absent = kind === 'no-command' || kind === 'no-module';
  if (!(error instanceof KexportError) || (kind !== 'missing' && !absent)) return error;
  const neither = absent ? error.message : `ZFS has no pool ${pool}`;
  return new KexportError('source', `cannot open ${name}: no such file or directory (ENOENT)`, {
    cause: error,
    // Without a slash or an @ hardly anybody means a volume.
    ...(absent && name === pool ? {} : { hint: `nor is it a ZFS volume: ${neither}` }),
  });
}

/** A file goes before a volume of the same name. */
async function warnOfNamesake(name: string, { signal, onWarning }: FreezeOptions): Promise<void> {
  const [pool = '', ...rest] = name.split('/');
  if (rest.length === 0 || !isPoolName(pool)) return; // a pool is no volume
  const list = ['list', '-H', '-t', 'volume,snapshot', '-o', 'name', name];
  const listed = await zfs(list, { signal }).catch((): string[] => []);
  if (!listed.includes(name)) return;
  const other = `the ZFS volume ${name}`;
  onWarning?.(
    `${name} is read as the file of that name, not as ${other}: that is /dev/zvol/${name}`,
  );
}
