import { throwIfAborted } from '../errors.ts';
import type { Extent, Source } from './source.ts';

/**
 * Reads a source from its current position to its end. Yields the extents that it puts into
 * `buffer`; each is valid until the next. Does not close the source. Throws what the source throws,
 * and a KexportError on an abort.
 */
export async function* extentsOf(
  source: Source,
  buffer: Uint8Array,
  signal?: AbortSignal,
): AsyncGenerator<Extent, undefined> {
  for (;;) {
    throwIfAborted(signal);
    const extent = await source.next(buffer, signal);
    if (!extent) return undefined;
    yield extent;
  }
}
