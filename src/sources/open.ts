import { close, constants, createReadStream, fstatSync, open, read, readFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { isatty } from 'node:tty';
import { promisify } from 'node:util';
import { blockDeviceSize } from '../block-device.ts';
import { KexportError, reasonOf } from '../errors.ts';
import { freeze, type FreezeOptions, type Frozen } from '../zfs/freeze.ts';
import { HEAD_SIZE, imageKind } from './image-kind.ts';
import { positionedSource } from './positioned.ts';
import type { Source } from './source.ts';
import { streamSource } from './stream.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const readAt = promisify(read);

export interface SourceOptions extends FreezeOptions {
  /** Size of the disk in bytes. Needed only by what cannot tell it; elsewhere it must be true. */
  readonly size?: number | undefined;
  /** `raw` takes a regular file for a disk even if it begins like an image. */
  readonly from?: 'raw' | undefined;
}

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
    if (!window) return await sourceOf(name, fd, 0, options);
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
  return sourceOf('standard input', 0, startOfStdin(), options);
}

/** Where the shell, or who read before us, left a redirected file. */
function startOfStdin(): number {
  const info = readFileSync('/proc/self/fdinfo/0', 'latin1');
  return Number(/^pos:\s*(\d+)/m.exec(info)?.[1] ?? 0);
}

async function sourceOf(
  name: string,
  fd: number,
  start: number,
  options: SourceOptions,
): Promise<Source> {
  const found = fstatSync(fd);
  if (found.isDirectory()) {
    throw new KexportError('source', `${name} is a folder, not a disk`);
  }
  if (found.isFIFO() || found.isSocket()) {
    return streamSource(name, new Socket({ fd, writable: false }), options.size);
  }
  if (found.isCharacterDevice()) return endlessSource(name, fd, options.size);

  const size = (found.isBlockDevice() ? await blockDeviceSize(name, fd) : found.size) - start;
  if (size <= 0) throw new KexportError('source', `${name} is empty: it has no byte to read`);
  checkStatedSize(name, size, options);
  if (found.isFile() && options.from !== 'raw') await refuseImage(name, fd, start);
  return positionedSource(name, fd, size, start);
}

function checkStatedSize(name: string, size: number, options: SourceOptions): void {
  if (options.size === undefined || options.size === size) return;
  throw new KexportError('source', `${name} has ${size} bytes, --size says ${options.size}`);
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

async function refuseImage(name: string, fd: number, start: number): Promise<void> {
  const head = Buffer.alloc(HEAD_SIZE);
  const { bytesRead } = await readAt(fd, head, 0, HEAD_SIZE, start);
  const kind = imageKind(head.subarray(0, bytesRead));
  if (kind === undefined) return;
  throw new KexportError('source', `${name} is not a raw disk: it begins like a ${kind}`, {
    hint: 'convert it to raw first; if it is a raw disk all the same, say --from raw',
  });
}
