import { statFile } from '../host/descriptors.ts';
import { type DataRange, dataMap } from '../sources/data-map.ts';
import type { FileInput } from './file-input.ts';

/** A part of a file. In bytes. */
interface FilePart {
  readonly start: number;
  readonly end: number;
  readonly isHole: boolean;
}

/** Divides a part of a file into data and holes; all is data where holes cannot be known. */
export type FileHoles = (
  input: FileInput,
  start: number,
  end: number,
) => AsyncGenerator<FilePart, void, undefined>;

/** Asks for the holes of each file once. */
export function fileHoles(): FileHoles {
  const maps = new Map<FileInput, readonly DataRange[]>();

  async function dataIn(input: FileInput): Promise<readonly DataRange[]> {
    const { fd, size } = input;
    const isFile = (await statFile(fd)).isFile();
    const map = isFile ? await dataMap(fd, 0, size, 1) : undefined;
    return map ?? [{ start: 0, end: size }];
  }

  return async function* (input, start, end) {
    const ranges = maps.get(input) ?? (await dataIn(input));
    maps.set(input, ranges);
    let at = start;
    for (let index = firstAfter(ranges, start); at < end; index++) {
      const { start: dataStart, end: dataEnd } = ranges[index] ?? { start: end, end };
      const from = Math.min(Math.max(dataStart, at), end);
      const to = Math.max(from, Math.min(dataEnd, end));
      if (from > at) yield { start: at, end: from, isHole: true };
      if (to > from) yield { start: from, end: to, isHole: false };
      at = to;
    }
  };
}

/** The index of the first range that ends after a byte. */
function firstAfter(ranges: readonly DataRange[], offset: number): number {
  let [low, high] = [0, ranges.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (ranges[middle]!.end > offset)
      high = middle; // below `high`, which is within
    else low = middle + 1;
  }
  return low;
}
