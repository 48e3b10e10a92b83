import { ascendingTable } from '../ascending-table.ts';
import type { ImageOutput } from '../contract.ts';
import {
  blockCountOf,
  EMPTY_CHUNK,
  RATIO,
  setEntry,
  tableLength,
  tablePieces,
  tableSpace,
} from './encode-block-table.ts';
import { MAX_DISK_SIZE, VHDX_BLOCK_SIZE } from './layout.ts';

/** The block allocation table of an image whose blocks are placed one by one. */
export interface DynamicTable {
  /** Sets the image offset of a block. Blocks ascend, on the disk and in the image. */
  place(block: number, imageOffset: number): void;
  /** Writes what is left of the table. Returns its image offset. */
  finish(diskSize: number): number;
}

/** A table before the blocks, patched in as it fills; in the memory of one chunk. */
export function tableInFront(output: ImageOutput, diskSize: number): DynamicTable {
  const tableOffset = output.position;
  const table = ascendingTable(EMPTY_CHUNK, (offset, bytes) => {
    output.patch(tableOffset + offset, bytes);
  });
  output.zeros(tableSpace(diskSize));
  return {
    place(block, imageOffset) {
      setEntry(table.piece(Math.floor(block / RATIO)), block, imageOffset);
    },
    finish() {
      table.finish(tableLength(diskSize));
      return tableOffset;
    },
  };
}

/**
 * A table after the blocks, for a disk whose size is not known beforehand. The blocks follow each
 * other from here on, so it takes a bit of memory for each block of the disk: at most 8 MiB.
 */
export function tableAfterBlocks(output: ImageOutput): DynamicTable {
  const placed = new Uint8Array(MAX_DISK_SIZE / VHDX_BLOCK_SIZE / 8);
  const blocksOffset = output.position;
  return {
    place(block) {
      placed[block >> 3]! |= 1 << (block & 7);
    },
    finish(diskSize) {
      const tableOffset = output.position;
      let next = blocksOffset;
      const pieces = tablePieces(blockCountOf(diskSize), (block) => {
        if ((placed[block >> 3]! & (1 << (block & 7))) === 0) return undefined;
        next += VHDX_BLOCK_SIZE;
        return next - VHDX_BLOCK_SIZE;
      });
      output.appendPieces(tableLength(diskSize), pieces);
      output.zeros(tableOffset + tableSpace(diskSize) - output.position);
      return tableOffset;
    },
  };
}
