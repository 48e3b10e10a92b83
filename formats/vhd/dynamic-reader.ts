// Reads a dynamic VHD: its table of blocks, and the bitmap of sectors of each block.

import { exactNumber } from '../bounds.ts';
import { type ImageInput, type ImageReader, type PlainExtent, SECTOR_SIZE } from '../contract.ts';
import { type BlockTable, tableEntries } from './block-table.ts';
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
  return {
    facts: {
      ...facts,
      details,
      ...(isDifferencing && { subformat: 'differencing', backing: parent }),
    },
    extents: (from = 0) => extentsOf(input, table, from),
    check: () => checkDynamic(input, table, footers),
  };
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
    const bitmap = await input.read(imageOffset, bitmapSize);
    for (const [start, count] of runsOf(bitmap, diskLength / SECTOR_SIZE)) {
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

/**
 * Runs of sectors whose bits are set; the highest bit of a byte comes first. By "Block Allocation
 * Table and Data Blocks" the other sectors were never written, so they are zeros whatever lies
 * there: VirtualBox and 7-Zip read them so, QEMU does not.
 */
function* runsOf(bitmap: Uint8Array, count: number): Generator<[start: number, count: number]> {
  let start = -1;
  for (let i = 0; i < count; i++) {
    const byte = bitmap[i >> 3]!;
    if (i % 8 === 0 && i + 8 <= count && byte === (start === -1 ? 0x00 : 0xff)) {
      i += 7; // eight like the one before
      continue;
    }
    const isSet = (byte & (0x80 >> (i % 8))) !== 0;
    if (isSet && start === -1) start = i;
    if (!isSet && start !== -1) {
      yield [start, i - start];
      start = -1;
    }
  }
  if (start !== -1) yield [start, count - start];
}
