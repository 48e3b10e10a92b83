// An image in memory that keeps only what is not a hole, and disks to make images of.

import { closeSync, ftruncateSync, openSync, writeSync } from 'node:fs';
import {
  BLOCK_SIZE,
  type Disk,
  type Format,
  type ImageOutput,
  SECTOR_SIZE,
} from '../formats/index.ts';

/** A disk of `size` bytes: whole blocks by their index, everything else zeros. */
export interface TestDisk {
  readonly size: number;
  readonly blocks: ReadonlyMap<number, Uint8Array>;
}

/** An ImageOutput whose bytes can be looked at. */
export class SparseImage implements ImageOutput {
  position = 0;
  readonly #pieces: { readonly offset: number; readonly bytes: Uint8Array }[] = [];

  append(bytes: Uint8Array): void {
    this.#pieces.push({ offset: this.position, bytes: bytes.slice() });
    this.position += bytes.length;
  }

  zeros(count: number): void {
    if (count < 0) throw new RangeError(`${count} zeros`);
    this.position += count;
  }

  patch(offset: number, bytes: Uint8Array): void {
    if (offset + bytes.length > this.position) throw new RangeError('a patch past the end');
    this.#pieces.push({ offset, bytes: bytes.slice() });
  }

  /** Bytes that were written, holes left out. */
  get written(): number {
    return this.#pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  /** A stretch of the image. */
  read(offset: number, length: number): Uint8Array {
    const result = new Uint8Array(length);
    for (const piece of this.#pieces) {
      const start = Math.max(piece.offset, offset);
      const end = Math.min(piece.offset + piece.bytes.length, offset + length);
      if (start >= end) continue;
      const bytes = piece.bytes.subarray(start - piece.offset, end - piece.offset);
      result.set(bytes, start - offset);
    }
    return result;
  }

  /** Puts the image into a sparse file. */
  save(path: string): void {
    const fd = openSync(path, 'w');
    ftruncateSync(fd, this.position);
    for (const { offset, bytes } of this.#pieces) writeSync(fd, bytes, 0, bytes.length, offset);
    closeSync(fd);
  }
}

/** The identity of every test's disk. */
export const IDENTITY = {
  name: 'disk',
  uuid: Uint8Array.from({ length: 16 }, (_, i) => 0xa0 + i),
  createdAt: Date.UTC(2024, 1, 29, 12) / 1000,
};

/** Makes the image of a disk whose size is told at the start, or else at the end. */
export function imageOf(format: Format, disk: TestDisk, sizeKnown = true): SparseImage {
  const image = new SparseImage();
  const identity: Disk = { ...IDENTITY, size: sizeKnown ? disk.size : undefined };
  const hasher = () => {
    throw new Error('nothing to hash');
  };
  const writer = format.write({ disk: identity, encoding: undefined, output: image, hasher });
  for (const [index, bytes] of disk.blocks) {
    const length = Math.min(BLOCK_SIZE, disk.size - index * BLOCK_SIZE);
    const packed = () => {
      throw new Error('a format without an encoding');
    };
    writer.add({ index, bytes, length, packed });
  }
  writer.finish(disk.size);
  return image;
}

/** A disk with data in the blocks of that index, padded with zeros behind its end. */
export function diskOf(size: number, indexes: Iterable<number>): TestDisk {
  if (size % SECTOR_SIZE !== 0) throw new Error(`${size} is not in whole sectors`);
  const blocks = new Map<number, Uint8Array>();
  for (const index of indexes) {
    const length = Math.min(BLOCK_SIZE, size - index * BLOCK_SIZE);
    const bytes = new Uint8Array(BLOCK_SIZE);
    for (let i = 0; i < length; i++) bytes[i] = (index * 31 + i * 7 + (i >> 8)) | 1;
    blocks.set(index, bytes);
  }
  return { size, blocks };
}

/** Bytes as lines of hexadecimal digits, without the lines that are all zeros. */
export function hex(bytes: Uint8Array): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const line = bytes.subarray(at, at + 16);
    if (line.every((byte) => byte === 0)) continue;
    lines.push(`${at.toString(16).padStart(4, '0')}: ${Buffer.from(line).toString('hex')}`);
  }
  return lines;
}
