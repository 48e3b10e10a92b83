// Snapshots a disk that is a logical volume, so that it does not change while it is read.

import { type OnWarning, throwIfAborted, Warning } from '../errors.ts';
import type { DiskSnapshot, SnapshotOptions } from '../host/disk-snapshot.ts';
import { mountsOf } from '../host/disks.ts';
import { flushDisk } from '../host/flush.ts';
import { listMounts } from '../host/mounts.ts';
import { type MadeSnapshot, makeSnapshot, removeAll } from './made.ts';
import { lvmFailure } from './run-lvm.ts';
import { findVolume, type LogicalVolume, volumeUuid } from './volume.ts';

/**
 * Snapshots the logical volume that a path is the device of: a thin one always, another if it is
 * in use, since its snapshot takes space and slows it down. Returns undefined where the device is
 * to be read as it is, with a warning if it may change. Throws a KexportError, and leaves nothing
 * behind then.
 */
export async function snapshotLogicalVolume(
  path: string,
  options: SnapshotOptions,
): Promise<DiskSnapshot | undefined> {
  const uuid = await volumeUuid(path);
  const volume = uuid === undefined ? undefined : await volumeOf(path, uuid, options);
  if (!volume || volume.isReadOnly) return undefined;
  const { isOpen, isThin, isThickSnapshot } = volume;
  if (isThickSnapshot || options.takeSnapshot === false) {
    const why = isThickSnapshot ? 'it is a snapshot itself' : 'without a snapshot';
    if (isOpen) warnLive(path, why, options);
    return undefined;
  }
  return isThin || isOpen ? snapshotVolume(volume, options) : undefined;
}

/** The volume; undefined, with a warning, where this user or this machine cannot run LVM. */
async function volumeOf(
  path: string,
  uuid: string,
  options: SnapshotOptions,
): Promise<LogicalVolume | undefined> {
  try {
    return await findVolume(uuid, options.signal);
  } catch (error) {
    const kind = lvmFailure(error);
    if (!(error instanceof Error) || (kind !== 'no-command' && kind !== 'permission')) throw error;
    warnLive(path, error.message, options);
    return undefined;
  }
}

/**
 * Snapshots a volume, and provides the device of the snapshot. Throws a KexportError, and leaves
 * nothing behind then.
 */
export async function snapshotVolume(
  volume: LogicalVolume,
  { snapshotSize, signal, onWarning }: SnapshotOptions,
): Promise<DiskSnapshot> {
  const made: MadeSnapshot[] = [];
  const release = () => removeAll(made, onWarning);
  try {
    await flush(volume, onWarning);
    throwIfAborted(signal);
    const own = await makeSnapshot(volume, snapshotSize, onWarning);
    made.push(own);
    throwIfAborted(signal);
    return { path: own.path, window: undefined, check: own.check, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/**
 * Flushes the volume and what is mounted of it. Warns of file systems that LVM does not hold for
 * the snapshot, since they lie on LUKS or a partition in the volume.
 */
async function flush(
  { name, device = '' }: LogicalVolume,
  onWarning: OnWarning | undefined,
): Promise<void> {
  const direct = await mountsOf(device, await listMounts());
  const held = new Set(direct.map(({ mountPoint }) => mountPoint));
  const others = (await flushDisk(device)).filter((mountPoint) => !held.has(mountPoint));
  if (others.length === 0) return;
  const what = `${name} holds a file system that is mounted on this machine (${others.join(', ')})`;
  const effect = 'the image has it as after a power failure, to be recovered from its journal';
  onWarning?.(new Warning('inconsistent', `${what}: ${effect}`));
}

function warnLive(path: string, why: string, { onWarning }: SnapshotOptions): void {
  const effect = 'what is written to it meanwhile is in the image in part';
  onWarning?.(new Warning('inconsistent', `${path} is read as it is: ${why}; ${effect}`));
}
