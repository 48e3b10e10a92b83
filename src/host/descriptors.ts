// Calls with promises for open file descriptors; node:fs/promises has them only for its own
// handles.

import { close, fstat, ftruncate, open, read, readSync, writev } from 'node:fs';
import { promisify } from 'node:util';
import type { SystemFile } from '../runtime/host.ts';

export const openFile = promisify(open);
export const statFile = promisify(fstat);

const readAt = promisify(read);
const writeAt = promisify(writev);
const truncateFile = promisify(ftruncate);
const closeDescriptor = promisify(close);

const STDERR = 2;

/** Whether a descriptor is a standard stream, which stays open; see {@link closeFile}. */
export function isStandardStream(fd: number): boolean {
  return fd <= STDERR;
}

/**
 * Closes a descriptor, unless it is a standard stream: what is opened next would get its number,
 * and libuv aborts a program that closes such a handle.
 */
export async function closeFile(fd: number): Promise<void> {
  if (!isStandardStream(fd)) await closeDescriptor(fd);
}

/** The file that is open as `fd`. */
export function systemFile(fd: number): SystemFile {
  return {
    async read(position, target) {
      return (await readAt(fd, target, 0, target.length, position)).bytesRead;
    },
    async write(position, buffers) {
      return (await writeAt(fd, buffers, position)).bytesWritten;
    },
    truncate: (size) => truncateFile(fd, size),
    close: () => closeFile(fd),
  };
}

/**
 * Fills `target` from a position on, and blocks the thread meanwhile. Throws the error of the
 * system.
 */
export function readFullySync(fd: number, position: number, target: Uint8Array): void {
  for (let done = 0; done < target.length;) {
    const count = readSync(fd, target, done, target.length - done, position + done);
    if (count === 0) throw new Error(`the file ends at byte ${position + done}`);
    done += count;
  }
}
