import { closeFile, systemFile } from '#descriptors';
import { readFully, readUpTo } from './read-fully.ts';

/** An open file with random access. */
export interface ReadableFile {
  /** Fills `target` from a position on. Throws a KexportError. Calls may overlap. */
  read(position: number, target: Uint8Array): Promise<void>;
  /** Releases the file. */
  close(): Promise<void>;
}

/** The file that is open as `fd`; messages call it `name`. `close` closes the descriptor. */
export function readableFile(name: string, fd: number): ReadableFile {
  const file = systemFile(fd);
  return {
    read: (position, target) => readFully(name, file, position, target),
    close: () => closeFile(fd),
  };
}

/**
 * Reads `length` bytes of an open file from `start` on, or fewer if it ends before. Throws a
 * KexportError.
 */
export async function readHead(
  name: string,
  fd: number,
  length: number,
  start = 0,
): Promise<Buffer> {
  const head = Buffer.alloc(length);
  return head.subarray(0, await readUpTo(name, systemFile(fd), start, head));
}
