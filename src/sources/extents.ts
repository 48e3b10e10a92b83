import { SLAB_SIZE } from '../workers/slab.ts';
import { extentsOf } from './extents-of.ts';
import type { Source } from './source.ts';

/** An extent of a disk and its bytes. */
export interface DataExtent {
  /** Position on the disk in bytes, a multiple of BLOCK_SIZE. */
  readonly diskOffset: number;
  /** At most 1 MiB, in a buffer that the caller owns. They may be zeros. */
  readonly bytes: Uint8Array;
}

/** Options of {@link extents}. */
export interface ExtentsOptions {
  /** Aborts the reading with a KexportError `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The data of a disk, front to back: extents ascend, and gaps between them are zeros. Reads on from
 * the last call of the source's `next`, and does not close the source. Throws a KexportError.
 */
export async function* extents(
  source: Source,
  { signal }: ExtentsOptions = {},
): AsyncGenerator<DataExtent, void, undefined> {
  const buffer = new Uint8Array(SLAB_SIZE);
  for await (const { diskOffset, length } of extentsOf(source, buffer, signal)) {
    yield { diskOffset, bytes: buffer.slice(0, length) };
  }
}
