import { constants } from 'node:fs';
import { join } from 'node:path';
import { errnoOf, KexportError, throwIfAborted, untilAborted } from '../errors.ts';
import { closeFile, statFile } from '../host/descriptors.ts';
import { flushDisk, flushFile } from '../host/flush.ts';
import { BLOCK_DEVICES, nameOfDevice, textOf } from '../host/host-disk.ts';
import { readableFile, type ReadableFile } from '../host/readable-file.ts';
import { reopenDirect } from '../host/reopen-direct.ts';
import { directReads } from './direct-reads.ts';

/**
 * The block device that is open as `fd`, read past its page cache, which a mounted file system does
 * not keep true: it writes to the device, and the cache still has what was there before. Flushes
 * the device first, its partitions and what is mounted of them. Reads through the cache where the
 * system cannot do otherwise. Owns the descriptor, unless it throws a KexportError.
 */
export async function deviceFile(
  name: string,
  fd: number,
  signal: AbortSignal | undefined,
): Promise<ReadableFile> {
  const cached = readableFile(name, fd);
  const past = await reopenDirect(fd, constants.O_RDONLY);
  if (past === undefined) return cached;
  try {
    await untilAborted(flush(fd), signal);
  } catch (error) {
    await closeFile(past);
    throwIfAborted(signal);
    // What could not be written is only in the cache.
    if (error instanceof KexportError) return cached;
    throw error;
  }
  const readPast = directReads(name, past);
  let isRefused = false;
  return {
    async read(position, target) {
      if (isRefused) return cached.read(position, target);
      try {
        await readPast(position, target);
      } catch (error) {
        // Some drivers accept O_DIRECT but need a larger alignment.
        const isWrong = error instanceof KexportError && errnoOf(error.cause) === 'EINVAL';
        isRefused ||= isWrong;
        await cached.read(position, target);
        // The cache may be old. It was read for its error, which has the byte that cannot be read.
        if (!isWrong) throw error;
      }
    },
    async close() {
      await closeFile(past);
      await cached.close();
    },
  };
}

async function flush(fd: number): Promise<void> {
  const { rdev } = await statFile(fd, { bigint: true });
  const device = await nameOfDevice(rdev);
  if (device === undefined) return flushFile(`/proc/self/fd/${fd}`);
  // A snapshot of a ZFS volume fails to flush, and has nothing to.
  if ((await textOf(join(BLOCK_DEVICES, device), 'ro')) !== '1') await flushDisk(device);
}
