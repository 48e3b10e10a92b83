// Reads a dynamic VHD: its table of blocks, and the bitmap of sectors of each block.

import { runsOf } from '../bitmap-runs.ts';
import { exactNumber } from '../bounds.ts';
import { type ImageInput, type ImageReader, type PlainExtent, SECTOR_SIZE } from '../contract.ts';
import { type BlockTable, overlapsIn, tableEntries } from './block-table.ts';
import { checkDynamic } from './check.ts';
import { readDynamicHeader } from './decode-dynamic-header.ts';
import { damaged } from './faults.ts';
import type { VhdRequest } from './fixed-reader.ts';
import { DIFFERENCING } from './layout.ts';

/** Opens a dynamic or a differencing image. Rejects with a FormatError if it cannot be read. */
export async function dynamicReader({ input, footers, facts }: VhdRequest): Promise<ImageReader> {
  const { footer } = footers.used;
  const headerOffset = exactNumber(footer.dataOffset, 'vhd: the offset of the dynamic disk header');
  const { table, parent } = await readDynamicHeader(input, headerOffset, facts.diskSize);
  const details = { ...facts.details, 'block size': table.blockSize };
  const isDifferencing = footer.diskType === DIFFERENCING;
  let checked: Promise<void> | undefined;
  return {
    facts: {
      ...facts,
      details,
      ...(isDifferencing && { subformat: 'differencing', backing: parent }),
    },
    async *extents(from = 0) {
      await (checked ??= refuseOverlaps(input, table));
      yield* extentsOf(input, table, from);
    },
    check: () => checkDynamic(input, table, footers),
  };
}

/** With blocks that share bytes, a small image could have any number of bitmaps to read. */
async function refuseOverlaps(input: ImageInput, table: BlockTable): Promise<void> {
  const sectors = new Uint32Array(table.blockCount);
  let count = 0;
  for await (const entries of tableEntries(input, table, 0, table.blockCount)) {
    for (const [, sector] of entries) sectors[count++] = sector;
  }
  for (const [before, at] of overlapsIn(sectors.subarray(0, count).sort(), table)) {
    throw damaged(`the blocks at ${before * SECTOR_SIZE} and ${at * SECTOR_SIZE} overlap`);
  }
}

async function* extentsOf(
  input: ImageInput,
  table: BlockTable,
  from: number,
): AsyncGenerator<PlainExtent> {
  const first = Math.floor(from / table.blockSize);
  for await (const entries of tableEntries(input, table, first, table.blockCount)) {
    for (const [index, sector] of entries) {
      const bitmapOffset = placeOf(input, table, index, sector);
      const isHole = input.isHole?.(bitmapOffset, table.bitmapSize);
      if (isHole === true || (await isHole)) continue; // without a wait for each of millions
      const bitmap = await input.read(bitmapOffset, table.bitmapSize);
      yield* blockExtents(bitmap, bitmapOffset, table, index, from);
    }
  }
}

/** Image offset of a block. Throws a FormatError if the image ends before the block does. */
function placeOf(input: ImageInput, table: BlockTable, index: number, sector: number): number {
  const imageOffset = sector * SECTOR_SIZE;
  const end = imageOffset + table.bitmapSize + lengthOf(table, index);
  if (end > input.size) throw damaged(`block ${index} ends at ${end}, the image at ${input.size}`);
  return imageOffset;
}

/**
 * By "Block Allocation Table and Data Blocks" the sectors whose bits are not set were never
 * written, so they are zeros whatever lies there: VirtualBox and 7-Zip read them so, QEMU does not.
 */
function* blockExtents(
  bitmap: Uint8Array,
  bitmapOffset: number,
  table: BlockTable,
  index: number,
  from: number,
): Generator<PlainExtent> {
  const { blockSize, bitmapSize } = table;
  const sectorCount = lengthOf(table, index) / SECTOR_SIZE;
  for (const [start, count] of runsOf(bitmap, sectorCount, 'highest')) {
    const diskOffset = index * blockSize + start * SECTOR_SIZE;
    const diskLength = count * SECTOR_SIZE;
    if (diskOffset + diskLength <= from) continue;
    const imageOffset = bitmapOffset + bitmapSize + start * SECTOR_SIZE;
    yield { kind: 'plain', diskOffset, diskLength, imageOffset };
  }
}

/** Bytes of the disk in a block: less than a whole one in the last. */
function lengthOf({ blockSize, diskSize }: BlockTable, index: number): number {
  return Math.min(blockSize, diskSize - index * blockSize);
}
