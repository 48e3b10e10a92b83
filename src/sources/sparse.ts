import { BLOCK_SIZE } from '../../formats/index.ts';
import { roundDown, roundUp } from '../../formats/rounding.ts';
import type { DataRange } from './data-map.ts';
import type { RandomAccessSource } from './positioned.ts';
import type { Source } from './source.ts';
import { withSource } from './with-source.ts';

/**
 * A source with random access and a known size, of which only the ranges are read, which ascend:
 * the rest is zeros. Takes over the source.
 */
export function sparseSource(source: RandomAccessSource, ranges: readonly DataRange[]): Source {
  const { size = 0 } = source;
  let at = 0; // what lies before this has been read, or is zeros
  let next = 0; // of the ranges, the first that ends after it
  return withSource(source, {
    dataSize: ranges.reduce((sum, { start, end }) => sum + end - start, 0),
    async next(buffer) {
      let range = ranges[next];
      while (range && range.end <= at) range = ranges[++next];
      if (!range) return undefined;
      // Whole blocks, of which a range may be but a part.
      const diskOffset = Math.max(at, roundDown(range.start, BLOCK_SIZE));
      const end = Math.min(roundUp(range.end, BLOCK_SIZE), size);
      const wanted = Math.min(buffer.length, end - diskOffset);
      const length = await source.read(diskOffset, buffer.subarray(0, wanted));
      at = diskOffset + length;
      return { diskOffset, length };
    },
  });
}
