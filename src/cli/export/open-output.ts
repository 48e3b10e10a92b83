import { constants, type Stats } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Format } from '../../../formats/index.ts';
import {
  errnoOf,
  KexportError,
  type OnWarning,
  reasonOf,
  throwIfAborted,
  Warning,
} from '../../errors.ts';
import { blockSizeOfPath } from '../../host/block-device.ts';
import { openFile, statFile } from '../../host/descriptors.ts';
import { loopDevicesOn, shareStorage } from '../../host/shared-storage.ts';
import { shellWord } from '../../host/shell-word.ts';
import { remoteSink, shownName } from '../../remote/open-remote.ts';
import { descriptorSink } from '../../sinks/descriptor.ts';
import { deviceSink } from '../../sinks/device.ts';
import { fileSink } from '../../sinks/file.ts';
import { checkNewFile, partialOf } from '../../sinks/new-file.ts';
import { checkPipe, pathToWrite } from '../../sinks/path-to-write.ts';
import type { Sink } from '../../sinks/sink.ts';
import type { Options } from '../options/options.ts';
import { pathOfDisk } from './path-of-disk.ts';
import type { Output } from './plan.ts';
import { maxOutputSize } from './space.ts';

/** What is needed to open the outputs. */
export type OpenOptions = Pick<
  Options,
  | 'backingFile'
  | 'compression'
  | 'compressor'
  | 'connections'
  | 'endpoint'
  | 'flatten'
  | 'force'
  | 'json'
  | 'level'
  | 'mode'
  | 'threads'
  | 'verify'
> & {
  readonly signal: AbortSignal;
  readonly onWarning: OnWarning;
  /** Permissions that the images must not exceed; undefined for those that the umask leaves. */
  readonly fileMode: number | undefined;
};

/** The disk that is exported. */
export interface OutputDisk {
  /** The disk that is read, or that the snapshot is of. No output may be the same. */
  readonly name: string;
  /** In bytes, if it is known. */
  readonly size: number | undefined;
}

/** What is needed to open one of them. */
type OpenRequest = OpenOptions & {
  readonly disks: readonly OutputDisk[];
  /** Opens an output that is not a file, so that it is neither hashed nor zipped. */
  readonly plain: boolean;
};

/**
 * Opens a file, a device, a pipe, standard output or a store for an image. Throws a KexportError.
 */
export async function openOutput(output: Output, request: OpenRequest): Promise<Sink> {
  const { path, address } = output;
  const { force, mode, signal, fileMode } = request;
  if (address !== undefined) return openStore(address, output, request);
  if (path === '-') {
    await checkNotRead('/dev/stdout', 'standard output', request);
    return openStdout();
  }
  const found = await lookAt(output, request);
  if (found?.isBlockDevice()) return openDevice(output, request);
  if (found?.isFile() === false) return openSpecial(await pathToWrite(path), signal);
  return fileSink(path, { force, mode, widestMode: fileMode });
}

/** What is looked at before an output is opened. */
type Look = Pick<OpenRequest, 'backingFile' | 'disks' | 'flatten' | 'force' | 'plain'>;

/** Throws a KexportError for an output that cannot be opened, as far as looking tells. */
export async function checkOutput(output: Output, request: Look): Promise<void> {
  const { path, address } = output;
  if (address !== undefined || path === '-') return;
  const found = await lookAt(output, request);
  if (found?.isFile() ?? true) await checkNewFile(path, { replace: request.force });
}

/** What is at the path of an output, undefined for nothing. Throws a KexportError. */
async function lookAt({ format, path }: Output, request: Look): Promise<Stats | undefined> {
  const { plain, force } = request;
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    const hint = `for a folder of images, --output-dir ${path}`;
    throw new KexportError('usage', `${path} is a folder, not a file to write`, { hint });
  }
  const isFile = found?.isFile() ?? true;
  if (!isFile && !plain) {
    throw new KexportError('usage', `${path} is not a file: --zip and --checksums are for files`);
  }
  for (const name of [path, partialOf(path)]) await checkNotRead(name, name, request);
  if (!found) await checkNoDevice(path);
  if (found?.isBlockDevice()) checkMayWrite(path, format, force);
  if (found?.isFile()) await checkNotOpen(path, found);
  return found;
}

/** The most that a size is rounded up by, in bytes: that of Google Cloud's format. */
const MAX_ROUNDING = 2 ** 30;

function openStore(address: string, output: Output, request: OpenRequest): Promise<Sink> {
  const { disks, force, verify, connections, endpoint, signal, onWarning } = request;
  const sizes = disks.map(({ size }) => ({ size })); // what is zeros may be written too
  const most = maxOutputSize(output, sizes);
  const maxLength = most === undefined ? undefined : most + sizes.length * MAX_ROUNDING;
  const own = disksOf(output, disks);
  return remoteSink(address, {
    ...{ force, verify, connections, endpoint, signal, onWarning, maxLength },
    diskSize: output.disk === undefined ? undefined : own[0]?.size,
    formatName: output.format.name,
    description: own.map(({ name }) => shownName(name)).join(', '),
  });
}

/** Those of the disks that an output holds. */
export function disksOf<T>({ disk }: Output, disks: readonly T[]): T[] {
  return disks.filter((_, index) => disk === undefined || index === disk);
}

/** Throws if a write to that path would change what is read. */
export async function checkNotRead(
  path: string,
  name: string,
  { disks, flatten, backingFile }: Pick<OpenRequest, 'backingFile' | 'disks' | 'flatten'>,
): Promise<void> {
  for (const disk of disks) {
    if (await isSame(path, pathOfDisk(disk.name))) {
      throw new KexportError('target', `${name} is the disk that is exported`);
    }
    if (await shareStorage(path, pathOfDisk(disk.name))) {
      const what = `${name} and ${disk.name}, the disk that is exported, overlap`;
      throw new KexportError('target', what);
    }
  }
  for (const below of [flatten, backingFile]) {
    if (below === undefined || !(await shareStorage(path, below))) continue;
    throw new KexportError('target', `${name} is the backing file of the increment`);
  }
}

/** Throws if this program reads the file for the disk: a backing file, or an extent of a VMDK. */
async function checkNotOpen(path: string, file: Stats): Promise<void> {
  const descriptors = await readdir('/proc/self/fd').catch(() => []); // not Linux
  for (const fd of descriptors) {
    // That of readdir is gone.
    const open = await stat(`/proc/self/fd/${fd}`).catch(() => undefined);
    if (open?.isFile() !== true || open.dev !== file.dev || open.ino !== file.ino) continue;
    throw new KexportError('target', `${path} is read for the disk that is exported`, {
      hint: 'write the image to another file',
    });
  }
}

async function isSame(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((path) => stat(path).catch(() => undefined)));
  if (!a || !b) return false;
  if (a.isBlockDevice()) return b.isBlockDevice() && a.rdev === b.rdev;
  return a.isFile() && a.dev === b.dev && a.ino === b.ino;
}

function openStdout(): Sink {
  if (process.stdout.isTTY) {
    throw new KexportError('usage', 'standard output is a terminal: cannot write an image to it', {
      hint: 'redirect it: kexport ... -o - > FILE',
    });
  }
  return descriptorSink(1, 'standard output');
}

/** A mistyped device would become a file in the memory that /dev is. */
async function checkNoDevice(path: string): Promise<void> {
  const folder = await realpath(dirname(path)).catch(() => '');
  if (folder !== '/dev' && (!folder.startsWith('/dev/') || folder.startsWith('/dev/shm'))) return;
  throw new KexportError('target', `there is no device ${path}`, {
    hint: 'lsblk lists the devices; images are not made in /dev',
  });
}

/** Throws unless all on the device may be lost. */
function checkMayWrite(path: string, format: Format, force: boolean | undefined): void {
  if (format.name !== 'raw') {
    const what = `${path} is a block device: only raw can be written to it, not ${format.name}`;
    throw new KexportError('usage', what);
  }
  if (!force) {
    throw new KexportError('usage', `${path} is a block device: everything on it would be lost`, {
      hint: 'use --force to overwrite it',
    });
  }
}

async function openDevice(
  { path, disk }: Output,
  { disks, onWarning }: OpenRequest,
): Promise<Sink> {
  const [attached] = await loopDevicesOn(path);
  if (attached !== undefined) {
    throw new KexportError('target', `${path} is in use: ${attached} has the same bytes`, {
      hint: `losetup --detach ${attached}, once nothing uses it`,
    });
  }
  const size = disks[disk ?? 0]?.size;
  const sink = await deviceSink(path, { diskSize: size });
  const rest = size === undefined ? 0 : (await blockSizeOfPath(path)) - size;
  if (rest > 0) onWarning(largerDevice(path, rest));
  return sink;
}

function largerDevice(path: string, rest: number): Warning {
  const what = `${path} is ${rest} bytes larger than the disk: what they hold stays`;
  const gpt = `the backup of a GPT is not at the end of the device`;
  const remedy = `sgdisk --move-second-header ${shellWord(path)} moves it there`;
  return new Warning('backup-gpt', `${what}, and ${gpt}; ${remedy}`);
}

const FIFO_INTERVAL = 100; // milliseconds

/** Opens a named pipe, once somebody reads it, or a device such as /dev/null. */
async function openSpecial(path: string, signal: AbortSignal): Promise<Sink> {
  for (;;) {
    const fd = await openUnlessUnread(path);
    if (fd !== undefined) {
      checkPipe(path, await statFile(fd)); // the one that is open
      return descriptorSink(fd, path, { owned: true });
    }
    throwIfAborted(signal);
    await setTimeout(FIFO_INTERVAL, undefined, { signal }).catch(() => throwIfAborted(signal));
  }
}

/** Undefined for a named pipe that nobody reads. */
async function openUnlessUnread(path: string): Promise<number | undefined> {
  try {
    // A blocking open of a pipe that nobody reads would keep the program from ending.
    return await openFile(path, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch (cause) {
    if (errnoOf(cause) === 'ENXIO') return undefined;
    throw new KexportError('target', `cannot open ${path}: ${reasonOf(cause)}`, { cause });
  }
}
