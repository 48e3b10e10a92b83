// Writes a dynamic VHDX:
//   front                     left empty, patched in at the end
//   block allocation table    likewise; while the size of the disk is unknown, after the blocks
//   blocks                    those that are not all zeros

import { BLOCK_SIZE, type FormatWriter, type WriteRequest } from '../contract.ts';
import { blockTable, placeBlock, tableSpace } from './encode-block-table.ts';
import { encodeStructures } from './encode-structures.ts';
import { FRONT_SIZE, VHDX_BLOCK_SIZE } from './layout.ts';

const BLOCKS_PER_VHDX_BLOCK = VHDX_BLOCK_SIZE / BLOCK_SIZE;

export function dynamicWriter({ disk, output }: WriteRequest): FormatWriter {
  const { uuid, size } = disk;
  const table = blockTable();
  let vhdxBlock = -1;
  let blockOffset = 0; // in the image

  output.zeros(FRONT_SIZE);
  if (size !== undefined) output.zeros(tableSpace(size));

  return {
    add(block) {
      const index = Math.floor(block.index / BLOCKS_PER_VHDX_BLOCK);
      if (index !== vhdxBlock) startBlock(index);
      const offsetInBlock = (block.index % BLOCKS_PER_VHDX_BLOCK) * BLOCK_SIZE;
      output.zeros(blockOffset + offsetInBlock - output.position);
      output.append(block.bytes);
    },
    finish(diskSize) {
      endBlock();
      const tableOffset = size === undefined ? output.position : FRONT_SIZE;
      if (size === undefined) output.zeros(tableSpace(diskSize));
      const plan = { uuid, diskSize, isFixed: false, table, tableOffset };
      for (const [offset, bytes] of encodeStructures(plan)) output.patch(offset, bytes);
    },
  };

  function startBlock(index: number): void {
    endBlock();
    vhdxBlock = index;
    blockOffset = output.position;
    placeBlock(table, index, blockOffset);
  }

  /** A block is whole even where the disk ends in it. */
  function endBlock(): void {
    if (vhdxBlock === -1) return;
    output.zeros(blockOffset + VHDX_BLOCK_SIZE - output.position);
  }
}
