import { host } from '#host';
import { SLAB_SIZE } from '../workers/slab.ts';
import { openSpoolFile, type SpoolFile } from '../host/spool-file.ts';
import { extentsOf } from './extents-of.ts';
import { positionedSource } from './positioned.ts';
import type { OnProgress } from './progress.ts';
import type { Source } from './source.ts';
import { withSource } from './with-source.ts';

/**
 * Copies a disk of unknown size to a spool file, and returns a source of it with its size. Closes
 * `source`, also if it throws.
 */
export async function spooledSource(
  source: Source,
  signal: AbortSignal | undefined,
  onProgress?: OnProgress,
): Promise<Source> {
  try {
    const spool = await openSpoolFile(source.name);
    try {
      await copy(source, spool, signal, onProgress);
      const { name, origin, size, snapshotGuid } = source;
      if (size === undefined) throw new Error(`${name} has ended without a size`);
      await spool.truncate(size);
      return withSource(positionedSource(name, spool, size), { origin, snapshotGuid });
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
  spool: SpoolFile,
  signal: AbortSignal | undefined,
  onProgress: OnProgress | undefined,
): Promise<void> {
  onProgress?.({ phase: 'spooling', done: 0, total: source.size });
  const buffer = new Uint8Array(SLAB_SIZE);
  for await (const { diskOffset, length } of extentsOf(source, buffer, signal)) {
    const data = buffer.subarray(0, length);
    if (!host.isZero(data)) await spool.write(diskOffset, [data]); // zeros stay a hole
    onProgress?.({ phase: 'spooling', done: diskOffset + length, total: source.size });
  }
}
