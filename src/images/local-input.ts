import { fstatSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { throwIfAborted, untilAborted } from '../errors.ts';
import { systemFile } from '../host/descriptors.ts';
import { readFully } from '../host/read-fully.ts';
import type { DataRange } from '../sources/data-map.ts';
import { dataRanges, firstAfter } from './data-ranges.ts';
import { checkWithin, type FileInput } from './file-input.ts';

/** An input that is an open file of this machine. */
export type LocalInput = FileInput & { readonly fd: number };

/** Tables that are read before the holes of the file are looked up, which starts a program. */
const MANY_TABLES = 4096;

/** Answers between two turns of the event loop, in which a signal can be heard. */
const TURN = 1024;

/**
 * Reads `size` bytes of the file open as `fd`, which the caller closes. Its `read` throws a
 * KexportError if the file cannot be read, and at once if the signal is aborted.
 */
export function fileInput(
  name: string,
  fd: number,
  size: number,
  signal?: AbortSignal,
): LocalInput {
  const file = systemFile(fd);
  let asked = 0;
  let data: readonly DataRange[] | undefined;

  async function lookUpHole(imageOffset: number, length: number): Promise<boolean> {
    await setImmediate();
    throwIfAborted(signal);
    data ??= await dataRanges(fd, size, signal);
    return isHoleIn(data, imageOffset, length);
  }

  async function dataIn(start: number, end: number): Promise<DataRange[]> {
    data ??= await dataRanges(fd, size, signal);
    const found: DataRange[] = [];
    for (let index = firstAfter(data, start); index < data.length; index++) {
      const range = data[index]!; // below `data.length`
      if (range.start >= end) break;
      found.push({ start: Math.max(range.start, start), end: Math.min(range.end, end) });
    }
    // What the file lacks is no hole: to read it is an error.
    if (end > size) found.push({ start: Math.max(start, size), end });
    return found;
  }

  return {
    name,
    fd,
    size,
    get isDevice() {
      return fstatSync(fd).isBlockDevice();
    },
    get allocatedSize() {
      const found = fstatSync(fd);
      return found.isFile() ? found.blocks * 512 : size; // st_blocks counts 512 bytes
    },
    async read(imageOffset, length) {
      checkWithin(size, imageOffset, length);
      const bytes = Buffer.allocUnsafeSlow(length);
      const reading = readFully(name, file, imageOffset, bytes);
      await (signal ? untilAborted(reading, signal) : reading);
      return bytes;
    },
    isHole(imageOffset, length) {
      if (imageOffset + length > size) return false; // its reading is an error
      asked++;
      if (asked < MANY_TABLES) return false;
      if (!data || asked % TURN === 0) return lookUpHole(imageOffset, length);
      return isHoleIn(data, imageOffset, length);
    },
    dataIn,
  };
}

function isHoleIn(data: readonly DataRange[], imageOffset: number, length: number): boolean {
  const next = data[firstAfter(data, imageOffset)];
  return next === undefined || next.start >= imageOffset + length;
}
