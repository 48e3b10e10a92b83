import { SLAB_SIZE } from '../workers/slab.ts';
import { extentsOf } from './extents-of.ts';
import type { Source } from './source.ts';

/** A stretch of a disk and the bytes that are there. */
export interface DataExtent {
  /** Position on the disk in bytes, a multiple of BLOCK_SIZE. */
  readonly diskOffset: number;
  /** At most 1 MiB, the reader's to keep. They may be zeros. */
  readonly bytes: Uint8Array;
}

/** Options of {@link extents}. */
export interface ExtentsOptions {
  /** Ends the reading early, by a KexportError `aborted`. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The data of a disk, front to back: extents ascend, and what lies between two is zeros. Reads what
 * `next` of the source has not answered yet, and does not close the source. Throws a KexportError.
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
