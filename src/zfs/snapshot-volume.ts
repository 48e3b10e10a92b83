import { basename } from 'node:path';
import { blockSizeOfPath } from '../host/block-device.ts';
import { KexportError, option, throwIfAborted, Warning, wording } from '../errors.ts';
import { awaitDevice } from './await-device.ts';
import { linkedDevice, linkOf, unlinkedDevice, type ZvolDevice } from './device.ts';
import { flushDisk } from '../host/flush.ts';
import { leftBehind } from '../host/left-behind.ts';
import type { DiskSnapshot } from '../host/disk-snapshot.ts';
import type { SnapshotOptions } from '../host/disk-snapshot.ts';
import { destroyCommand, type Made, makeClone, makeSnapshot } from './made.ts';
import { type DatasetName, fullName } from './names.ts';
import { findVolume, snapshotGuidOf, type Volume } from './volume.ts';

/**
 * Snapshots a volume, or uses the snapshot that `name` has, and provides a device to read it
 * through. With `partition`, only that part of the volume is the disk. Throws a KexportError, and
 * leaves nothing behind then.
 */
export async function snapshotVolume(
  name: DatasetName,
  options: SnapshotOptions,
  partition?: ZvolDevice['partition'],
): Promise<DiskSnapshot> {
  const { signal, onWarning } = options;
  const volume = await findVolume(name, signal);
  if (name.snapshot === undefined && options.takeSnapshot === false) return live(volume, options);
  const made: Made[] = [];
  const release = () => destroyAll(made, onWarning);
  try {
    const path = await snapshotDevice(volume, made, options);
    // Read only now, when the snapshot can no longer be destroyed. A snapshot of our own needs no
    // guid: no increment will ever start from it.
    const isNamed = name.snapshot !== undefined;
    const snapshotGuid = isNamed ? await snapshotGuidOf(name, signal) : undefined;
    return { path, window: partition, snapshotGuid, release };
  } catch (error) {
    await release();
    throw error;
  }
}

/** The device of the snapshot. Adds to `made` each snapshot and clone that it makes. */
async function snapshotDevice(
  { name: { dataset, snapshot }, size }: Volume,
  made: Made[],
  { signal, onWarning }: SnapshotOptions,
): Promise<string> {
  let taken = snapshot;
  if (taken === undefined) {
    const device = await deviceNow(dataset);
    const mounted = device === undefined ? [] : await flushDisk(basename(device));
    if (mounted.length > 0)
      onWarning?.(new Warning('inconsistent', stillMounted(dataset, mounted)));
    const own = await makeSnapshot(dataset, onWarning);
    made.push(own);
    taken = own.name.slice(dataset.length + 1);
  } else {
    // With snapdev=visible the device exists already. While it is open, its snapshot cannot be
    // destroyed.
    const device = await linkedDevice(fullName({ dataset, snapshot }));
    if (device !== undefined) return device;
  }
  throwIfAborted(signal);
  const clone = await makeClone(dataset, taken, onWarning);
  made.push(clone);
  const device = await awaitDevice(clone.name, signal);
  const found = await blockSizeOfPath(device);
  if (found !== size) {
    throw new KexportError(
      'source',
      `${device} has ${found} bytes, ZFS says ${size} of ${dataset}`,
    );
  }
  return device;
}

async function deviceNow(dataset: string): Promise<string | undefined> {
  return (await linkedDevice(dataset)) ?? (await unlinkedDevice(dataset));
}

async function live({ name, volmode }: Volume, options: SnapshotOptions): Promise<DiskSnapshot> {
  const path = await deviceNow(name.dataset);
  if (path === undefined) {
    const why = volmode === 'none' ? 'it has volmode=none' : `there is no ${linkOf(name.dataset)}`;
    throw new KexportError('source', `${name.dataset} has no device: ${why}`, {
      hint:
        volmode === 'none'
          ? wording`export it without ${option('takeSnapshot', false)}`
          : 'is udev running here?',
    });
  }
  warnLive(name.dataset, options);
  return { path, window: undefined, release: () => Promise.resolve() };
}

/** Warns that a disk is read without a snapshot. */
export function warnLive(name: string, { onWarning }: SnapshotOptions): void {
  onWarning?.(
    new Warning(
      'inconsistent',
      `${name} is read as it is, without a snapshot: what is written to it meanwhile is in the image in part`,
    ),
  );
}

function stillMounted(dataset: string, mountPoints: readonly string[]): string {
  return `${dataset} holds a file system that is mounted on this machine (${mountPoints.join(', ')}): the image has it as \
after a power failure, to be recovered from its journal`;
}

/** Destroys what was made, the newest first, and warns of what could not be destroyed. */
export async function destroyAll(
  made: Made[],
  onWarning: SnapshotOptions['onWarning'],
): Promise<void> {
  for (const thing of made.splice(0).reverse()) {
    const problem = await thing.destroy();
    if (problem === undefined) continue;
    onWarning?.(leftBehind(`${thing.name} is left behind`, problem, destroyCommand(thing.name)));
  }
}
