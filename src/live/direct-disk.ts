// Reads a disk past the page cache. ZFS bypasses the cache when it writes, so the cache of a disk
// with a pool may be older than the disk: measured, a newest uberblock of txg 43 in the cache and
// of 79 on the disk.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ALIGNMENT } from '../workers/aligned-memory.ts';
import { roundDown, roundUp } from '../../formats/rounding.ts';
import type { ReadAt } from '../partitions/disk-view.ts';
import { directReads } from '../sources/direct-reads.ts';
import { KexportError, reasonOf } from '../errors.ts';

export interface DirectDisk {
  /**
   * Fills `target`, without a copy if its memory is aligned. `diskOffset` and the length of
   * `target` are multiples of ALIGNMENT. Calls may overlap. Throws a KexportError.
   */
  read(diskOffset: number, target: Uint8Array): Promise<void>;
  close(): Promise<void>;
}

/** Opens a disk or partition to read it with O_DIRECT. Throws a KexportError. */
export async function openDirect(path: string): Promise<DirectDisk> {
  const file = await openFile(path);
  return { read: directReads(path, file.fd), close: () => file.close() };
}

/** Several disks that are read so. */
export interface DirectDisks {
  /** The disk with that path, which was opened. */
  at(path: string): DirectDisk;
  close(): Promise<void>;
}

/** Opens disks to read them with O_DIRECT. Throws a KexportError, and leaves none open then. */
export async function openDirectDisks(paths: readonly string[]): Promise<DirectDisks> {
  const disks = new Map<string, DirectDisk>();
  const close = async () => {
    for (const disk of disks.values()) await disk.close();
  };
  try {
    for (const path of paths) disks.set(path, await openDirect(path));
  } catch (error) {
    await close();
    throw error;
  }
  return {
    at(path) {
      const disk = disks.get(path);
      if (!disk) throw new Error(`${path} was not opened`);
      return disk;
    },
    close,
  };
}

/**
 * Reads `length` bytes from anywhere on a disk, in multiples of ALIGNMENT except at the end of the
 * disk, `diskSize`.
 */
export async function readAnywhere(
  disk: Pick<DirectDisk, 'read'>,
  diskOffset: number,
  length: number,
  diskSize = Infinity,
): Promise<Uint8Array> {
  const first = roundDown(diskOffset, ALIGNMENT);
  const end = Math.min(roundUp(diskOffset + length, ALIGNMENT), diskSize);
  const sectors = new Uint8Array(end - first);
  await disk.read(first, sectors);
  return sectors.subarray(diskOffset - first, diskOffset - first + length);
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

/** Reads from anywhere on a disk of that size, in bytes. */
export function readerOf(disk: DirectDisk, diskSize: number): ReadAt {
  return async (diskOffset, buffer) => {
    buffer.set(await readAnywhere(disk, diskOffset, buffer.length, diskSize));
    return buffer.length;
  };
}
