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
  for await (const [, sector] of tableEntries(input, table, 0, table.blockCount)) {
    sectors[count++] = sector;
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
  const { blockSize, blockCount, bitmapSize, diskSize } = table;
  const first = Math.floor(from / blockSize);
  for await (const [index, sector] of tableEntries(input, table, first, blockCount)) {
    const imageOffset = sector * SECTOR_SIZE;
    const diskOffset = index * blockSize;
    const diskLength = Math.min(blockSize, diskSize - diskOffset);
    const end = imageOffset + bitmapSize + diskLength;
    if (end > input.size) {
      throw damaged(`block ${index} ends at ${end}, the image at ${input.size}`);
    }
    if (await input.isHole?.(imageOffset, bitmapSize)) continue;
    const bitmap = await input.read(imageOffset, bitmapSize);
    // By "Block Allocation Table and Data Blocks" the sectors whose bits are not set were never
    // written, so they are zeros whatever lies there: VirtualBox and 7-Zip read them so, QEMU does
    // not.
    for (const [start, count] of runsOf(bitmap, diskLength / SECTOR_SIZE, 'highest')) {
      const runOffset = diskOffset + start * SECTOR_SIZE;
      const runLength = count * SECTOR_SIZE;
      if (runOffset + runLength <= from) continue;
      yield {
        kind: 'plain',
        diskOffset: runOffset,
        diskLength: runLength,
        imageOffset: imageOffset + bitmapSize + start * SECTOR_SIZE,
      };
    }
  }
}
