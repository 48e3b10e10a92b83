// Disks in files to be rounded up, and what became of them. Both files are in a folder of the test's own.

import {
  closeSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { BLOCK_SIZE } from '../../formats/index.ts';
import { type RoundingOptions, roundedSource } from '../../src/sources/rounded.ts';
import type { Source } from '../../src/sources/source.ts';
import { sharedFolder } from '../support/folder.ts';
import { run } from '../support/peers.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

const folder = sharedFolder();

/** The disk as it was. */
export const path = join(folder, 'disk.raw');

/** The disk as it became. */
export const roundedPath = join(folder, 'rounded.raw');

/** A disk in a file. It leaves out blocks of zeros, and all between the first and the last 2 MiB of a large one. */
function sparseSource(file: string): Source {
  const { size } = statSync(file);
  const fd = openSync(file, 'r');
  let diskOffset = 0;
  return {
    name: 'disk',
    size,
    next(buffer) {
      while (diskOffset < size) {
        if (size > GIB && diskOffset === 2 * MIB) {
          diskOffset = Math.floor((size - 2 * MIB) / BLOCK_SIZE) * BLOCK_SIZE;
        }
        const length = readSync(fd, buffer, 0, BLOCK_SIZE, diskOffset);
        const extent = { diskOffset, length };
        diskOffset += length;
        if (buffer.subarray(0, length).some((byte) => byte !== 0)) return Promise.resolve(extent);
      }
      return Promise.resolve(undefined);
    },
    close() {
      closeSync(fd);
      return Promise.resolve();
    },
  };
}

/** The same disk, as much of it at a time as the buffer takes. */
export function denseSource(file: string): Source {
  const { size } = statSync(file);
  const fd = openSync(file, 'r');
  let diskOffset = 0;
  return {
    name: 'disk',
    size,
    next(buffer) {
      const length = readSync(fd, buffer, 0, buffer.length, diskOffset);
      const extent = { diskOffset, length };
      diskOffset += length;
      return Promise.resolve(length > 0 ? extent : undefined);
    },
    close() {
      closeSync(fd);
      return Promise.resolve();
    },
  };
}

/** Writes what a source gives into `roundedPath` and holds it to the contract of sources. */
async function drain(source: Source, bufferSize: number): Promise<void> {
  const fd = openSync(roundedPath, 'w');
  const { signal } = new AbortController();
  const buffer = Buffer.alloc(bufferSize);
  const { size } = source;
  let end = 0;
  for (;;) {
    buffer.fill(0xaa);
    const extent = await source.next(buffer, signal);
    if (!extent) break;
    const { diskOffset, length } = extent;
    expect(diskOffset % BLOCK_SIZE).toBe(0);
    expect(diskOffset).toBeGreaterThanOrEqual(end);
    end = diskOffset + length;
    if (end !== size) expect(length % BLOCK_SIZE).toBe(0);
    expect(length).toBeGreaterThan(0);
    expect(end).toBeLessThanOrEqual(size!);
    writeSync(fd, buffer, 0, length, diskOffset);
  }
  await source.close();
  ftruncateSync(fd, size);
  closeSync(fd);
}

/** Ways to read a disk that must make no difference. */
export const WAYS = [
  { way: 'read as it is', open: denseSource, bufferSize: MIB },
  { way: 'read in single blocks', open: denseSource, bufferSize: BLOCK_SIZE },
  { way: 'read without its zeros', open: sparseSource, bufferSize: MIB },
];

/** Rounds the disk up; answers the warnings. */
export async function round(
  multiple: number,
  { open, bufferSize } = WAYS[0]!,
  options: RoundingOptions = {},
): Promise<string[]> {
  const warnings: string[] = [];
  const onWarning = (message: string) => void warnings.push(message);
  await drain(roundedSource(open(path), multiple, { onWarning, ...options }), bufferSize);
  return warnings;
}

/** Makes a disk of that size with data in every block and no GPT. */
export function plainDisk(size: number): void {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += BLOCK_SIZE / 2) bytes.fill((at / 512) | 1, at, at + 512);
  writeFileSync(path, bytes);
}

/** Whether `rounded` is the disk and zeros behind it. */
export function isPadded(): boolean {
  const old = readFileSync(path);
  const bytes = readFileSync(roundedPath);
  const zeros = Buffer.alloc(bytes.length - old.length);
  return bytes.equals(Buffer.concat([old, zeros]));
}

/** Makes a disk of that size with what sgdisk is told to put on it, and some data in its middle. */
export function partitionedDisk(size: number, ...args: string[]): void {
  writeFileSync(path, '');
  truncateSync(path, size);
  run('sgdisk', ...args, path);
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(100_000, 'data'), 0, 100_000, 700 * 512);
  closeSync(fd);
}

/** What sgdisk finds wrong with a disk; it says so whether its exit status is 0 or not. */
export function problems(file: string): string {
  return run('sgdisk', '-v', file);
}

/** The partitions as sgdisk lists them, and the GUID of the disk. */
export function partitions(file: string): string[] {
  const lines = run('sgdisk', '-p', file).split('\n');
  return lines.filter((line) => /^ +\d|GUID/.test(line));
}

/** A stretch of a file. */
export function readAt(file: string, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const fd = openSync(file, 'r');
  readSync(fd, bytes, 0, length, offset);
  closeSync(fd);
  return bytes;
}
