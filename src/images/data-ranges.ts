import { statFile } from '../host/descriptors.ts';
import { type DataRange, dataMap } from '../sources/data-map.ts';

/** Where an open file of `size` bytes has data; all of it where holes cannot be known. */
export async function dataRanges(
  fd: number,
  size: number,
  signal?: AbortSignal,
): Promise<readonly DataRange[]> {
  const isFile = (await statFile(fd)).isFile();
  const map = isFile ? await dataMap(fd, 0, size, { minHole: 1, signal }) : undefined;
  return map ?? [{ start: 0, end: size }];
}

/** The index of the first range that ends after a byte. */
export function firstAfter(ranges: readonly DataRange[], offset: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle]!.end > offset)
      high = middle; // below `high`, which is within
    else low = middle + 1;
  }
  return low;
}
