import { fstatSync, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { isatty } from 'node:tty';
import { KexportError, reasonOf, unexpectedFailure } from '../errors.ts';
import type { DiskSnapshot } from '../host/disk-snapshot.ts';
import { isRemote } from '../remote/open-remote.ts';
import { snapshotDisk } from '../zfs/snapshot-disk.ts';
import type { SentChanges } from '../zfs-send/changes.ts';
import type { ByteStream } from '../byte-streams/byte-stream.ts';
import { type BytesFrom, byteStreamFrom } from '../byte-streams/byte-stream-from.ts';
import { disposable } from '../sources/disposable.ts';
import { asDisk } from './as-disk.ts';
import { checkStatedSize } from './format-of.ts';
import { openDescriptor } from './open-descriptor.ts';
import { closeFile } from '../host/descriptors.ts';
import { readableFile } from '../host/readable-file.ts';
import { openForReading } from '../host/open-for-reading.ts';
import type { Descriptor, Opened } from './opened.ts';
import { snapshotSource } from './snapshot-source.ts';
import { deviceFile } from '../sources/device-file.ts';
import { positionedSource } from '../sources/positioned.ts';
import type { ChangesOptions, SourceOptions } from './source-options.ts';
import type { OpenSource, Source } from '../sources/source.ts';
import { withSource } from '../sources/with-source.ts';

/**
 * Opens a disk by its name: a file, a block device, a named pipe, a ZFS volume or one of its
 * snapshots, `-` for standard input, or the address of a file in a store. A device is a raw disk
 * whatever it begins with, since a guest can write those bytes, and a pipe is a raw disk unless it
 * is a zfs send stream. A disk on ZFS is read from a snapshot, which `close` destroys. Throws a
 * KexportError.
 */
export async function openSource(name: string, options: SourceOptions = {}): Promise<OpenSource> {
  try {
    return disposable(await openNamed(name, options));
  } catch (error) {
    throw unexpectedFailure(`cannot open ${name}`, error);
  }
}

async function openNamed(name: string, options: SourceOptions): Promise<Source> {
  if (options.incrementalFrom !== undefined) {
    return asDisk({ stream: await openSent(name, options), isSent: true }, options, openBase);
  }
  if (name === '-') return asDisk(await openDescriptor(openStdin(), options), options, openBase);
  if (isRemote(name)) return asDisk(await openInStore(name, options), options, openBase);
  const snapshot = (await snapshotDisk(name, options)) ?? (await snapshotOnLvm(name, options));
  if (!snapshot) return asDisk(await openPath(name, name, options), options, openBase);
  try {
    const opened = await openPath(name, snapshot.path, options, snapshot.window);
    const source = await asDisk(opened, options, openBase);
    const isRaw = options.from === undefined || options.from === 'raw';
    return snapshotSource(source, isRaw ? snapshot : { ...snapshot, snapshotGuid: undefined });
  } catch (error) {
    try {
      await snapshot.check?.(); // what has made it invalid explains the error
    } finally {
      await snapshot.release();
    }
    throw error;
  }
}

/** Imported on demand: most disks are files. */
async function snapshotOnLvm(
  path: string,
  options: SourceOptions,
): Promise<DiskSnapshot | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isBlockDevice()) return undefined;
  const { snapshotLogicalVolume } = await import('../lvm/snapshot-volume.ts');
  return snapshotLogicalVolume(path, options);
}

/** Imported on demand: most disks are on this machine. */
async function openInStore(address: string, options: SourceOptions): Promise<Opened> {
  const { openStored } = await import('./open-stored.ts');
  return openStored(address, options);
}

/**
 * Opens the file or device at `path`, which messages call `name`. With `window`, only that part of
 * it is the disk.
 */
async function openPath(
  name: string,
  path: string,
  options: SourceOptions,
  window?: { readonly start: number; readonly size: number },
): Promise<Opened> {
  const fd = await openForReading(name, path);
  try {
    if (!window) return await openDescriptor({ name, path, fd, start: 0 }, options);
    if (options.from !== undefined && options.from !== 'raw') {
      throw new KexportError('usage', `the partition ${name} is a raw disk, not ${options.from}`);
    }
    checkStatedSize(name, window.size, options);
    const { cachedRead, signal } = options;
    const file = cachedRead ? readableFile(name, fd) : await deviceFile(name, fd, signal);
    return positionedSource(name, file, window.size, window.start);
  } catch (error) {
    await closeFile(fd);
    throw error;
  }
}

function openStdin(): Descriptor {
  if (isatty(0)) {
    throw new KexportError('usage', 'standard input is a terminal, not a disk', {
      hint: 'name the disk, or redirect it: kexport qcow2 - < /dev/sdX',
    });
  }
  return { name: 'standard input', path: 'standard input', fd: 0, start: startOfStdin() };
}

/**
 * The position in a redirected file, which the shell or an earlier reader may have advanced; 0 of a
 * pipe. Throws a KexportError for a file where there is no /proc.
 */
function startOfStdin(): number {
  const found = fstatSync(0);
  if (!found.isFile() && !found.isBlockDevice()) return 0;
  try {
    const info = readFileSync('/proc/self/fdinfo/0', 'latin1');
    return Number(/^pos:\s*(\d+)/m.exec(info)?.[1] ?? 0);
  } catch (cause) {
    const what = `cannot tell where standard input stands: ${reasonOf(cause)}`;
    throw new KexportError('source', what, { cause, hint: 'name the file, or use a pipe' });
  }
}

/** Opens the base of an increment: an image, a device, a pipe, or another stream. */
export async function openBase(path: string, options: SourceOptions): Promise<Source> {
  const { snapshotOfFile } = await import('../images/backing-file.ts');
  const told = await snapshotOfFile(path);
  // The options of the increment do not apply to its base.
  const own = { size: undefined, from: undefined, ovaDisk: undefined, internalSnapshot: undefined };
  const sent = {
    streamVolume: undefined,
    streamSnapshot: undefined,
    flatten: undefined,
    incrementalFrom: undefined,
  };
  const source = await openSource(path, { ...options, ...own, ...sent });
  return withSource(source, { snapshotGuid: source.snapshotGuid ?? told });
}

/**
 * Opens the changes in an incremental send stream, or in a package of such streams, from a file, a
 * pipe, or `-`. Throws a KexportError if it is not a send stream.
 */
export async function openChanges(
  input: string | BytesFrom,
  options: ChangesOptions = {},
): Promise<SentChanges & AsyncDisposable> {
  const stream = typeof input === 'string' ? await openSent(input, options) : byteStreamFrom(input);
  const { sentChanges } = await import('../zfs-send/changes.ts');
  const { signal, streamVolume: volume, streamSnapshot: snapshot } = options;
  try {
    return disposable(await sentChanges(stream, { volume, snapshot, signal }));
  } catch (error) {
    await stream.close();
    throw error;
  }
}

/**
 * Opens the bytes of a zfs send stream: from a file, a pipe, `-`, or with `incrementalFrom` from
 * `zfs send`. Throws a KexportError.
 */
export async function openSent(name: string, options: ChangesOptions = {}): Promise<ByteStream> {
  try {
    return await openSentStream(name, options);
  } catch (error) {
    throw unexpectedFailure(`cannot open ${name}`, error);
  }
}

async function openSentStream(name: string, options: ChangesOptions): Promise<ByteStream> {
  const { incrementalFrom, signal } = options;
  if (incrementalFrom !== undefined) {
    const { sendIncrement } = await import('../zfs/send.ts');
    return sendIncrement(name, incrementalFrom, signal);
  }
  const opened = await openAsSent(name, options);
  if (!('stream' in opened)) throw new Error(`${name} was not opened as a stream`);
  return opened.stream;
}

function openAsSent(name: string, options: ChangesOptions): Promise<Opened> {
  const from = 'zfs-send';
  if (name === '-') return openDescriptor(openStdin(), { from });
  const { connections, endpoint, signal } = options;
  if (isRemote(name)) return openInStore(name, { from, connections, endpoint, signal });
  return openPath(name, name, { from });
}
