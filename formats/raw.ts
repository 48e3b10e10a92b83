// The disk as it is. On disk: the blocks, each at its own offset; zeros are holes where the sink has holes.

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

// Zeros within a block become holes in this unit, the block size of the common file systems.
const PAGE_SIZE = 4096;

/** The bytes of the disk, one after the other. Zeros of a page are holes where the sink has holes. */
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
    matches: () => false, // any file may be a raw disk
    read: ({ input }) => Promise.resolve(rawReader(input)),
  };
}

function rawReader({ size }: ImageInput): ImageReader {
  const all: PlainExtent = { kind: 'plain', diskOffset: 0, diskLength: size, imageOffset: 0 };
  return {
    facts: { format: 'raw', diskSize: size, details: {} },
    extents: (from = 0) => (from < size ? [all] : []),
    check: () => [], // any file is sound
  };
}

/** Writes the disk as it is; `output` must be empty. */
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
    if (bytes[at] !== 0 || !isZero(bytes.subarray(at, end))) continue; // a view costs more than a look
    if (at > dataStart) output.append(bytes.subarray(dataStart, at));
    output.zeros(end - at);
    dataStart = end;
  }
  if (dataStart < length) output.append(bytes.subarray(dataStart, length));
}
