import { BLOCK_SIZE } from '../../formats/index.ts';
import { roundDown, roundUp } from '../../formats/rounding.ts';
import type { DataRange } from './data-map.ts';
import type { RandomAccessSource } from './positioned.ts';
import type { Source } from './source.ts';
import { withSource } from './with-source.ts';

/**
 * Reads only the given ranges of a source, which must ascend; the rest is zeros. The source must
 * have a size. The new source owns it.
 */
export function sparseSource(source: RandomAccessSource, ranges: readonly DataRange[]): Source {
  const { size = 0 } = source;
  let at = 0; // everything before this is read, or zeros
  let next = 0; // index of the first range that ends after `at`
  return withSource(source, {
    gaps: 'unallocated',
    dataSize: ranges.reduce((sum, { start, end }) => sum + end - start, 0),
    async next(buffer) {
      let range = ranges[next];
      while (range && range.end <= at) range = ranges[++next];
      if (!range) return undefined;
      // Extents are whole blocks, but a range may begin and end within one.
      const diskOffset = Math.max(at, roundDown(range.start, BLOCK_SIZE));
      const end = Math.min(roundUp(range.end, BLOCK_SIZE), size);
      const wanted = Math.min(buffer.length, end - diskOffset);
      const length = await source.read(diskOffset, buffer.subarray(0, wanted));
      at = diskOffset + length;
      return { diskOffset, length };
    },
  });
}
