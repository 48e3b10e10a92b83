import { close, constants, createReadStream, fstatSync, open, read, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { blockDeviceSize } from '../block-device.ts';
import type { SentChanges } from '../zfs-send/changes.ts';
import { KexportError, reasonOf } from '../errors.ts';
import { type ByteStream, byteStream } from './byte-stream.ts';
import { beginsSendStream, HEAD_SIZE, imageKind } from './image-kind.ts';
import { positionedSource } from './positioned.ts';
import type { Source } from './source.ts';
import { streamSource } from './stream.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const readAt = promisify(read);

const NEVER = new AbortController().signal;
const STREAM_CHUNK = 1 << 20;

export interface SourceOptions {
  /** Size of the disk in bytes. Needed only by what cannot tell it; elsewhere it must be true. */
  readonly size?: number | undefined;
  /**
   * `raw` takes a regular file or a pipe for a disk even if it begins like an image or a send stream, `zfs-send` reads it
   * as a send stream. Default: by its first bytes.
   */
  readonly from?: 'raw' | 'zfs-send' | undefined;
  /** Of the disks in a package of send streams, the volume's that was called so where it was sent. Default: the only one. */
  readonly volume?: string | undefined;
  /** Of its snapshots, this one, without `@`. Default: the one that the package leads to. */
  readonly snapshot?: string | undefined;
  /** The image of the disk that an incremental stream builds upon: what is opened is the whole disk then. */
  readonly flatten?: string | undefined;
  /** Ends a wait for the first bytes of a pipe. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a disk by its name: a file, a block device, a named pipe, or `-` for standard input. Devices and
 * pipes are raw disks whatever they begin with, since a guest writes those bytes. Throws a KexportError.
 */
export async function openSource(name: string, options: SourceOptions = {}): Promise<Source> {
  return name === '-' ? openStdin(options) : openPath(name, options);
}

async function openPath(path: string, options: SourceOptions): Promise<Source> {
  const fd = await openForReading(path);
  let opened: Opened;
  try {
    opened = await openDescriptor(path, fd, 0, options);
  } catch (error) {
    await closeFile(fd);
    throw error;
  }
  return sourceOf(opened, options);
}

async function openForReading(path: string): Promise<number> {
  try {
    // Without O_NONBLOCK a named pipe that nobody writes to yet would block the thread that opens it.
    return await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new KexportError('source', `cannot open ${path}: ${reasonOf(error)}`, { cause: error });
  }
}

async function openStdin(options: SourceOptions): Promise<Source> {
  if (isatty(0)) {
    throw new KexportError('usage', 'standard input is a terminal, not a disk', {
      hint: 'name the disk, or redirect it: kexport qcow2 - < /dev/sdX',
    });
  }
  return sourceOf(await openDescriptor('standard input', 0, startOfStdin(), options), options);
}

/** Where the shell, or who read before us, left a redirected file. */
function startOfStdin(): number {
  const info = readFileSync('/proc/self/fdinfo/0', 'latin1');
  return Number(/^pos:\s*(\d+)/m.exec(info)?.[1] ?? 0);
}

/** A disk, or bytes that may be sent ones. */
type Opened = Source | { readonly stream: ByteStream; readonly isSent: boolean | undefined };

/** Takes over the descriptor, unless it throws. */
async function openDescriptor(
  name: string,
  fd: number,
  start: number,
  options: SourceOptions,
): Promise<Opened> {
  const found = fstatSync(fd);
  if (found.isDirectory()) {
    throw new KexportError('source', `${name} is a folder, not a disk`);
  }
  if (found.isFIFO() || found.isSocket()) {
    const isSent = options.from === undefined ? undefined : options.from === 'zfs-send';
    return { stream: byteStream(name, new Socket({ fd, writable: false })), isSent };
  }
  if (found.isFile() && (await isSendStream(fd, start, options))) {
    const file = createReadStream('', { fd, start, highWaterMark: STREAM_CHUNK });
    return { stream: byteStream(name, file), isSent: true };
  }
  if (found.isCharacterDevice()) return endlessSource(name, fd, options.size);

  const size = (found.isBlockDevice() ? await blockDeviceSize(name, fd) : found.size) - start;
  if (size <= 0) throw new KexportError('source', `${name} is empty: it has no byte to read`);
  if (options.size !== undefined && options.size !== size) {
    throw new KexportError('source', `${name} has ${size} bytes, --size says ${options.size}`);
  }
  if (found.isFile() && options.from !== 'raw') await refuseImage(name, fd, start);
  return positionedSource(name, fd, size, start);
}

/** Whether a regular file is to be read as a send stream, by what is asked for or what it begins with. */
async function isSendStream(fd: number, start: number, { from }: SourceOptions): Promise<boolean> {
  if (from !== undefined) return from === 'zfs-send';
  const head = Buffer.alloc(HEAD_SIZE);
  const { bytesRead } = await readAt(fd, head, 0, HEAD_SIZE, start);
  return beginsSendStream(head.subarray(0, bytesRead));
}

async function sourceOf(opened: Opened, options: SourceOptions): Promise<Source> {
  if (!('stream' in opened)) return opened;
  const { stream } = opened;
  const { size, signal = NEVER } = options;
  try {
    const isSent = opened.isSent ?? beginsSendStream(await stream.peek(HEAD_SIZE, signal));
    if (!isSent) return streamSource(stream, size);
    const { zfsSendSource } = await import('./zfs-send.ts'); // most disks are no streams
    const { flatten } = options;
    const base = flatten === undefined ? undefined : await openBase(flatten, signal);
    return await zfsSendSource(stream, { ...options, base, signal });
  } catch (error) {
    await stream.close();
    throw error;
  }
}

/** The disk below an increment. */
async function openBase(path: string, signal: AbortSignal): Promise<Source> {
  const { inspectBackingFile } = await import('../backing-file.ts');
  const { snapshotGuid } = await inspectBackingFile(path);
  return { ...(await openSource(path, { signal })), snapshotGuid };
}

/**
 * Opens what an incremental send stream, or a package of such, changes; of a file, a pipe, or `-`. Throws a KexportError
 * for what is no send stream.
 */
export async function openChanges(name: string, options: SourceOptions): Promise<SentChanges> {
  const fd = name === '-' ? 0 : await openForReading(name);
  const opened = await openDescriptor(name === '-' ? 'standard input' : name, fd, 0, {
    ...options,
    from: 'zfs-send',
  });
  const { sentChanges } = await import('../zfs-send/changes.ts');
  if (!('stream' in opened)) {
    await opened.close();
    throw new KexportError('usage', `${name} is no zfs send stream, and --backing is for those`);
  }
  try {
    return await sentChanges(opened.stream, { ...options, signal: options.signal ?? NEVER });
  } catch (error) {
    await opened.stream.close();
    throw error;
  }
}

/** /dev/zero and its like: as much of it as the size says. */
function endlessSource(name: string, fd: number, size: number | undefined): Source {
  if (size === undefined) {
    throw new KexportError('source', `${name} is a character device and has no size`, {
      hint: 'say how much of it with --size',
    });
  }
  return streamSource(byteStream(name, createReadStream('', { fd, end: size - 1 })), size);
}

async function refuseImage(name: string, fd: number, start: number): Promise<void> {
  const head = Buffer.alloc(HEAD_SIZE);
  const { bytesRead } = await readAt(fd, head, 0, HEAD_SIZE, start);
  const kind = imageKind(head.subarray(0, bytesRead));
  if (kind === undefined) return;
  throw new KexportError('source', `${name} is not a raw disk: it begins like a ${kind}`, {
    hint: 'convert it to raw first; if it is a raw disk all the same, say --from raw',
  });
}
