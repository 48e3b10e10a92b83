// Reads a disk past the page cache. ZFS writes past it too, so what the cache holds of a disk that a pool lies on may be
// older than the disk: measured, a newest uberblock of txg 43 where 79 was on the disk.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { alignedMemory } from '../../aligned-memory.ts';
import { KexportError, reasonOf } from '../../errors.ts';

export interface DirectDisk {
  /** Fills `target`; `diskOffset` and its length are multiples of ALIGNMENT. Calls may overlap. Throws a KexportError. */
  read(diskOffset: number, target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

const BUFFER_SIZE = 2 ** 20;

/** Opens a disk or partition to read it with O_DIRECT. Throws a KexportError. */
export async function openDirect(path: string): Promise<DirectDisk> {
  const file = await openFile(path);
  const buffer = new Uint8Array(alignedMemory(BUFFER_SIZE), 0, BUFFER_SIZE);
  let last: Promise<void> = Promise.resolve();

  async function readAll(diskOffset: number, target: Uint8Array): Promise<void> {
    for (let done = 0; done < target.length;) {
      const length = Math.min(buffer.length, target.length - done);
      const bytesRead = await readSome(file, path, buffer.subarray(0, length), diskOffset + done);
      target.set(buffer.subarray(0, bytesRead), done);
      done += bytesRead;
    }
  }

  return {
    read(diskOffset, target) {
      last = last.catch(() => undefined).then(() => readAll(diskOffset, target));
      return last;
    },
    close: () => file.close(),
  };
}

async function openFile(path: string): Promise<FileHandle> {
  try {
    return await open(path, constants.O_RDONLY | constants.O_DIRECT);
  } catch (error) {
    const hint = 'run it as root';
    throw new KexportError('source', `cannot open ${path}: ${reasonOf(error)}`, {
      cause: error,
      ...(process.getuid?.() === 0 ? {} : { hint }),
    });
  }
}

async function readSome(
  file: FileHandle,
  path: string,
  buffer: Uint8Array,
  diskOffset: number,
): Promise<number> {
  let found: number;
  try {
    found = (await file.read(buffer, 0, buffer.length, diskOffset)).bytesRead;
  } catch (error) {
    throw new KexportError(
      'source',
      `cannot read ${path} at byte ${diskOffset}: ${reasonOf(error)}`,
      { cause: error },
    );
  }
  if (found > 0) return found;
  throw new KexportError(
    'source',
    `${path} ended at byte ${diskOffset}: it shrank while it was read`,
  );
}
