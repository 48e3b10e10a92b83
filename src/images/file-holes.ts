import type { DataRange } from '../sources/data-map.ts';
import { dataRanges, firstAfter } from './data-ranges.ts';
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

  return async function* (input, start, end) {
    const ranges = maps.get(input) ?? (await rangesOf(input));
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

async function rangesOf({ fd, size }: FileInput): Promise<readonly DataRange[]> {
  return fd === undefined ? [{ start: 0, end: size }] : dataRanges(fd, size);
}
