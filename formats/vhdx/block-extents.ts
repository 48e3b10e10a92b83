// Where the disk lies in an image, by its block allocation table and sector bitmaps.

import { runsOf } from '../bitmap-runs.ts';
import type { ImageExtent } from '../contract.ts';
import { joinExtents } from '../join-extents.ts';
import {
  bitmapProblem,
  blockProblem,
  type BlockTable,
  type Chunk,
  type Entry,
  isPresent,
  lengthOf,
  tableChunks,
} from './block-table.ts';
import { damaged } from './faults.ts';
import { BITMAP_SIZE, NOT_PRESENT, PARTIALLY_PRESENT } from './layout.ts';

/**
 * The extents of the disk, as `ImageReader.extents` returns them. They are joined only within a
 * chunk, so that the first one is there before all of the table has been read.
 */
export async function* extentsOf(table: BlockTable, from: number): AsyncGenerator<ImageExtent> {
  const fromBlock = Math.floor(from / table.blockSize);
  if (fromBlock >= table.blockCount) return;
  for await (const chunk of tableChunks(table, fromBlock)) {
    const bitmap = await readBitmap(table, chunk);
    yield* joinExtents(chunkExtents(table, chunk, bitmap, from));
  }
}

/** The sector bitmap of a chunk; undefined if no block needs it. */
async function readBitmap(table: BlockTable, chunk: Chunk): Promise<Uint8Array | undefined> {
  if (!table.hasParent) return undefined;
  for (const [, { state }] of chunk.blocks()) {
    if (state !== PARTIALLY_PRESENT) continue;
    const problem = bitmapProblem(table, chunk);
    if (problem !== undefined) throw damaged(problem);
    return table.input.read(chunk.bitmap.imageOffset, BITMAP_SIZE);
  }
  return undefined;
}

function* chunkExtents(
  table: BlockTable,
  chunk: Chunk,
  bitmap: Uint8Array | undefined,
  from: number,
): Generator<ImageExtent> {
  const { blockSize, blockCount, sectorSize } = table;
  for (const [block, entry] of chunk.blocks()) {
    if (block >= blockCount) return;
    if (block * blockSize + lengthOf(table, block) <= from) continue;
    const bits = (block - chunk.firstBlock) * (blockSize / sectorSize / 8);
    for (const extent of blockExtents(table, block, entry, bitmap?.subarray(bits))) {
      if (extent.diskOffset + extent.diskLength > from) yield extent;
    }
  }
}

/** What the image has of a block; the rest of the block is the parent's, or zeros. */
function* blockExtents(
  table: BlockTable,
  block: number,
  entry: Entry,
  bitmap: Uint8Array | undefined,
): Generator<ImageExtent> {
  const problem = blockProblem(table, block, entry);
  if (problem !== undefined) throw damaged(problem);
  const { blockSize, sectorSize, hasParent } = table;
  const diskOffset = block * blockSize;
  const diskLength = lengthOf(table, block);
  if (!isPresent(entry)) {
    if (hasParent && entry.state !== NOT_PRESENT) yield { kind: 'zeros', diskOffset, diskLength };
    return;
  }
  const runs =
    bitmap && entry.state === PARTIALLY_PRESENT
      ? runsOf(bitmap, diskLength / sectorSize, 'lowest')
      : [[0, diskLength / sectorSize] as const];
  for (const [start, count] of runs) {
    const offset = start * sectorSize;
    const imageOffset = entry.imageOffset + offset;
    yield* storedExtents(table, diskOffset + offset, imageOffset, count * sectorSize);
  }
}

/** Past the end of the file, where only the log has extended it, there are zeros. */
function* storedExtents(
  { input, hasParent }: BlockTable,
  diskOffset: number,
  imageOffset: number,
  diskLength: number,
): Generator<ImageExtent> {
  if (input.changes(imageOffset, imageOffset + diskLength)) {
    throw damaged(`the log changes data of the disk at ${imageOffset}, not only structures`);
  }
  const stored = Math.max(0, Math.min(diskLength, input.storedSize - imageOffset));
  if (stored > 0) yield { kind: 'plain', diskOffset, diskLength: stored, imageOffset };
  if (stored === diskLength || !hasParent) return;
  yield { kind: 'zeros', diskOffset: diskOffset + stored, diskLength: diskLength - stored };
}
