// The disk as it is: each block at its own offset, zeros as holes where the sink supports holes.

import {
  BLOCK_SIZE,
  type Block,
  type Format,
  type FormatWriter,
  type ImageInput,
  type ImageOutput,
  type ImageReader,
  type PlainExtent,
  SECTOR_SIZE,
} from './contract.ts';
import { isZero } from './zeros.ts';

// The unit of the holes within a block: the block size of the common file systems.
const PAGE_SIZE = 4096;

/** The raw format: an image is the disk itself. */
export function raw(): Format {
  return {
    name: 'raw',
    title: 'the disk itself, sparse (dd, AWS)',
    extension: 'raw',
    streaming: 'always',
    maxDiskSize: Number.MAX_SAFE_INTEGER,
    sizeMultiple: SECTOR_SIZE,
    encoding: () => undefined,
    write: ({ output }) => Promise.resolve(rawWriter(output)),
    matches: () => false, // every file can be a raw disk
    read: ({ input }) => Promise.resolve(rawReader(input)),
  };
}

function rawReader({ size }: ImageInput): ImageReader {
  const all: PlainExtent = { kind: 'plain', diskOffset: 0, diskLength: size, imageOffset: 0 };
  return {
    facts: { format: 'raw', diskSize: size, details: {} },
    extents: (from = 0) => (from < size ? [all] : []),
    check: () => [], // every file is valid
  };
}

/** Writes the disk as it is. `output` must be empty. */
export function rawWriter(output: ImageOutput): FormatWriter {
  return {
    add(block) {
      output.zeros(block.index * BLOCK_SIZE - output.position);
      addPages(block, output);
    },
    finish(diskSize) {
      output.zeros(diskSize - output.position);
    },
  };
}

function addPages({ bytes, length }: Block, output: ImageOutput): void {
  let dataStart = 0;
  for (let at = 0; at < length; at += PAGE_SIZE) {
    const end = Math.min(at + PAGE_SIZE, length);
    if (bytes[at] !== 0 || !isZero(bytes.subarray(at, end))) continue; // views are slow
    if (at > dataStart) output.append(bytes.subarray(dataStart, at));
    output.zeros(end - at);
    dataStart = end;
  }
  if (dataStart < length) output.append(bytes.subarray(dataStart, length));
}
