// Disks in files that are rounded up, and the result. Both lie in a folder of the test file.

import type { Warning } from '../../src/errors.ts';
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
import { BLOCK_SIZE } from '../../formats/index.ts';
import { type RoundingOptions, roundedSource } from '../../src/sources/rounded.ts';
import type { Source } from '../../src/sources/source.ts';
import { sharedFolder } from '../support/folder.ts';
import { run } from '../support/peers.ts';
import { extentsOf } from '../support/read-source.ts';

const MIB = 2 ** 20;
const GIB = 2 ** 30;

const folder = sharedFolder();

/** The disk as it was. */
export const path = join(folder, 'disk.raw');

/** The disk after it was rounded up. */
export const roundedPath = join(folder, 'rounded.raw');

/**
 * A disk in a file, without blocks of zeros. Of a large one, without all but its first and last 2
 * MiB.
 */
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

/** Writes what a source gives into `roundedPath`. */
async function drain(source: Source, bufferSize: number): Promise<void> {
  const fd = openSync(roundedPath, 'w');
  for await (const { diskOffset, length, bytes } of extentsOf(source, bufferSize)) {
    writeSync(fd, bytes, 0, length, diskOffset);
  }
  await source.close();
  ftruncateSync(fd, source.size);
  closeSync(fd);
}

/** Ways to read a disk; they must make no difference. */
export const WAYS = [
  { way: 'read as it is', open: denseSource, bufferSize: MIB },
  { way: 'read in single blocks', open: denseSource, bufferSize: BLOCK_SIZE },
  { way: 'read without its zeros', open: sparseSource, bufferSize: MIB },
];

/** Rounds the disk up and returns the warnings. */
export async function round(
  multiple: number,
  { open, bufferSize } = WAYS[0]!,
  options: RoundingOptions = {},
): Promise<string[]> {
  const warnings: string[] = [];
  const onWarning = ({ message }: Warning) => void warnings.push(message);
  await drain(roundedSource(open(path), multiple, { onWarning, ...options }), bufferSize);
  return warnings;
}

/** Makes a disk of that size with data in every block and without a GPT. */
export function plainDisk(size: number): void {
  const bytes = Buffer.alloc(size);
  for (let at = 0; at < size; at += BLOCK_SIZE / 2) bytes.fill((at / 512) | 1, at, at + 512);
  writeFileSync(path, bytes);
}

/** Whether the result is the disk and zeros after it. */
export function isPadded(): boolean {
  const old = readFileSync(path);
  const bytes = readFileSync(roundedPath);
  const zeros = Buffer.alloc(bytes.length - old.length);
  return bytes.equals(Buffer.concat([old, zeros]));
}

/** Makes a disk of that size with a GPT by these arguments of sgdisk, and some data. */
export function partitionedDisk(size: number, ...args: string[]): void {
  writeFileSync(path, '');
  truncateSync(path, size);
  run('sgdisk', ...args, path);
  const fd = openSync(path, 'r+');
  writeSync(fd, Buffer.alloc(100_000, 'data'), 0, 100_000, 700 * 512);
  closeSync(fd);
}

/** What sgdisk says of a disk. It exits with 0 even if it finds problems. */
export function problems(file: string): string {
  return run('sgdisk', '-v', file);
}

/** The partitions as sgdisk lists them, and the GUID of the disk. */
export function partitions(file: string): string[] {
  const lines = run('sgdisk', '-p', file).split('\n');
  return lines.filter((line) => /^ +\d|GUID/.test(line));
}

/** That many bytes of a file. */
export function readAt(file: string, offset: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  const fd = openSync(file, 'r');
  readSync(fd, bytes, 0, length, offset);
  closeSync(fd);
  return bytes;
}
