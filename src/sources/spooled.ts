import type { FileHandle } from 'node:fs/promises';
import { throwIfAborted } from '../errors.ts';
import { writeFully } from '../host/write-fully.ts';
import { SLAB_SIZE } from '../workers/slab.ts';
import { cannotSpool, openSpoolFile } from '../host/spool-file.ts';
import { positionedSource } from './positioned.ts';
import type { Source } from './source.ts';

const ZERO = Buffer.alloc(SLAB_SIZE);

/**
 * Reads a disk of unknown size to its end into a spool file, and gives it again with its size. Takes over the source,
 * which is closed when this returns or throws.
 */
export async function spooledSource(
  source: Source,
  signal: AbortSignal | undefined,
): Promise<Source> {
  try {
    const spool = await openSpoolFile(source.name);
    try {
      await copy(source, spool, signal);
      const { name, size } = source;
      if (size === undefined) throw new Error(`${name} has ended without telling its size`);
      await spool.truncate(size);
      return { ...positionedSource(name, spool.fd, size), close: () => spool.close() };
    } catch (error) {
      await spool.close();
      throw error;
    }
  } finally {
    await source.close();
  }
}

async function copy(
  source: Source,
  spool: FileHandle,
  signal: AbortSignal | undefined,
): Promise<void> {
  const buffer = Buffer.allocUnsafe(SLAB_SIZE);
  for (;;) {
    throwIfAborted(signal);
    const extent = await source.next(buffer, signal);
    if (!extent) return;
    const { diskOffset, length } = extent;
    if (buffer.compare(ZERO, 0, length, 0, length) === 0) continue; // a hole
    await writeFully(spool, diskOffset, [buffer.subarray(0, length)]).catch((error: unknown) => {
      throw cannotSpool(source.name, error);
    });
  }
}
