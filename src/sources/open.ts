import { close, constants, createReadStream, fstatSync, open, read, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import type { Format, FormatName } from '../../formats/index.ts';
import { blockDeviceSize } from '../block-device.ts';
import { KexportError, reasonOf } from '../errors.ts';
import { formatNamed, formatOfFile } from '../images/image-format.ts';
import { openImage } from '../images/open-image.ts';
import { freeze, type FreezeOptions, type Frozen } from '../zfs/freeze.ts';
import { imageSource } from './image.ts';
import { HEAD_SIZE } from './image-kind.ts';
import { positionedSource } from './positioned.ts';
import type { Source } from './source.ts';
import { sparseSource } from './sparse.ts';
import { streamSource } from './stream.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const readAt = promisify(read);

export interface SourceOptions extends FreezeOptions {
  /** Size of the disk in bytes. Needed only by what cannot tell it; elsewhere it must be true. */
  readonly size?: number | undefined;
  /**
   * What the bytes are. Default: of a regular file what its name says, if its first bytes agree; of all else a raw disk.
   */
  readonly from?: FromFormat | undefined;
  /** Opens the other files that an image names, if they lie in its folder. Default: such an image is refused. */
  readonly backing?: boolean | undefined;
  /** Threads that unpack an image. Default: one for each processor. */
  readonly threads?: number | undefined;
  /** Reads the holes of a sparse file too. Default: they are left out where the system tells where they lie. */
  readonly readHoles?: boolean | undefined;
}

/** What a disk can be read from. */
export type FromFormat = FormatName;

/**
 * Opens a disk by its name: a file, a block device, a named pipe, a ZFS volume or one of its snapshots, or `-` for
 * standard input. Devices and pipes are raw disks whatever they begin with, since a guest writes those bytes. What lies
 * on ZFS is read from a snapshot, which `close` destroys. Throws a KexportError.
 */
export async function openSource(name: string, options: SourceOptions = {}): Promise<Source> {
  if (name === '-') return openStdin(options);
  const frozen = await freeze(name, options);
  if (!frozen) return openPath(name, name, options);
  try {
    const source = await openPath(name, frozen.path, options, frozen.window);
    return frozenSource(source, frozen);
  } catch (error) {
    await frozen.release();
    throw error;
  }
}

/** `name` is what people call it; of a device, only the window of bytes is the disk. */
async function openPath(
  name: string,
  path: string,
  options: SourceOptions,
  window?: { readonly start: number; readonly size: number },
): Promise<Source> {
  const fd = await openForReading(name, path);
  try {
    if (!window) return await sourceOf(name, path, fd, 0, options);
    if (options.from !== undefined && options.from !== 'raw') {
      throw new KexportError('usage', `the partition ${name} is a raw disk, not ${options.from}`);
    }
    checkStatedSize(name, window.size, options);
    return positionedSource(name, fd, window.size, window.start);
  } catch (error) {
    await closeFile(fd);
    throw error;
  }
}

/** The source of a frozen disk, which lets go of it when it is closed. */
function frozenSource(source: Source, frozen: Frozen): Source {
  return {
    ...source,
    origin: frozen.origin,
    async close() {
      try {
        await source.close();
      } finally {
        await frozen.release();
      }
    },
  };
}

async function openForReading(name: string, path: string): Promise<number> {
  try {
    // Without O_NONBLOCK a named pipe that nobody writes to yet would block the thread that opens it.
    return await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw new KexportError('source', `cannot open ${name}: ${reasonOf(error)}`, { cause: error });
  }
}

async function openStdin(options: SourceOptions): Promise<Source> {
  if (isatty(0)) {
    throw new KexportError('usage', 'standard input is a terminal, not a disk', {
      hint: 'name the disk, or redirect it: kexport qcow2 - < /dev/sdX',
    });
  }
  return sourceOf('standard input', 'standard input', 0, startOfStdin(), options);
}

/** Where the shell, or who read before us, left a redirected file. */
function startOfStdin(): number {
  const info = readFileSync('/proc/self/fdinfo/0', 'latin1');
  return Number(/^pos:\s*(\d+)/m.exec(info)?.[1] ?? 0);
}

async function sourceOf(
  name: string,
  path: string,
  fd: number,
  start: number,
  options: SourceOptions,
): Promise<Source> {
  const found = fstatSync(fd);
  if (found.isDirectory()) {
    throw new KexportError('source', `${name} is a folder, not a disk`);
  }
  if (found.isFIFO() || found.isSocket()) {
    refuseStream(name, options);
    return streamSource(name, new Socket({ fd, writable: false }), options.size);
  }
  if (found.isCharacterDevice()) {
    refuseStream(name, options);
    return endlessSource(name, fd, options.size);
  }

  const size = (found.isBlockDevice() ? await blockDeviceSize(name, fd) : found.size) - start;
  if (size <= 0) throw new KexportError('source', `${name} is empty: it has no byte to read`);
  const format = await formatOf(name, fd, start, found.isFile(), options);
  if (format) {
    // The other files of an image are looked for beside it, in its snapshot.
    const image = await openImageSource(path, fd, size, start, format, options);
    return { ...image, name };
  }
  checkStatedSize(name, size, options);
  const source = positionedSource(name, fd, size, start);
  if (!found.isFile() || options.readHoles) return source;
  const { dataMap } = await import('./data-map.ts');
  const ranges = await dataMap(fd, start, size);
  return ranges ? sparseSource(source, ranges) : source;
}

function checkStatedSize(name: string, size: number, options: SourceOptions): void {
  if (options.size === undefined || options.size === size) return;
  throw new KexportError('source', `${name} has ${size} bytes, --size says ${options.size}`);
}

/** Undefined for a raw disk. */
async function formatOf(
  name: string,
  fd: number,
  start: number,
  isFile: boolean,
  { from }: SourceOptions,
): Promise<Format | undefined> {
  if (from !== undefined) return from === 'raw' ? undefined : formatNamed(from);
  if (!isFile) return undefined;
  const head = Buffer.alloc(HEAD_SIZE);
  const { bytesRead } = await readAt(fd, head, 0, HEAD_SIZE, start);
  return formatOfFile(name, head.subarray(0, bytesRead));
}

async function openImageSource(
  name: string,
  fd: number,
  size: number,
  start: number,
  format: Format,
  { size: stated, backing, threads }: SourceOptions,
): Promise<Source> {
  if (start !== 0) {
    throw new KexportError('source', `${name} has been read from: an image begins at byte 0`);
  }
  const image = await openImage(name, fd, size, { format, backing, diskSize: stated });
  return imageSource(image, threads);
}

function refuseStream(name: string, { from = 'raw' }: SourceOptions): void {
  if (from === 'raw') return;
  throw new KexportError(
    'usage',
    `${from} cannot be read from ${name}: it is not read front to back`,
    {
      hint: 'put it into a file first',
    },
  );
}

/** /dev/zero and its like: as much of it as the size says. */
function endlessSource(name: string, fd: number, size: number | undefined): Source {
  if (size === undefined) {
    throw new KexportError('source', `${name} is a character device and has no size`, {
      hint: 'say how much of it with --size',
    });
  }
  return streamSource(name, createReadStream('', { fd, end: size - 1 }), size);
}
