// Calls with promises for open file descriptors; node:fs/promises has them only for its own
// handles.

import { close, fstat, ftruncate, open, read, readSync, writev } from 'node:fs';
import { promisify } from 'node:util';
import type { SystemFile } from '../runtime/host.ts';

export const openFile = promisify(open);
export const closeFile = promisify(close);
export const statFile = promisify(fstat);

const readAt = promisify(read);
const writeAt = promisify(writev);
const truncateFile = promisify(ftruncate);

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
