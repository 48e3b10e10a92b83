// Writes a dynamic VHDX:
//   front                     left empty, patched in at the end
//   block allocation table    patched in as it fills
//   blocks                    those that are not all zeros
// While the size of the disk is unknown, the table follows the blocks: nobody knows its length.

import type { Piece } from '../ascending-table.ts';
import { BLOCK_SIZE, type FormatWriter, type WriteRequest } from '../contract.ts';
import { blockTable, placeBlock, tableLength, tableSpace } from './encode-block-table.ts';
import { encodeFront } from './encode-front.ts';
import { FRONT_SIZE, VHDX_BLOCK_SIZE } from './layout.ts';

const BLOCKS_PER_VHDX_BLOCK = VHDX_BLOCK_SIZE / BLOCK_SIZE;

export function dynamicWriter({ disk, output }: WriteRequest): FormatWriter {
  const { uuid, size } = disk;
  const held: Piece[] = []; // the table, while its image offset is unknown
  const table = blockTable((offset, bytes) => {
    if (size === undefined) held.push([offset, bytes]);
    else output.patch(FRONT_SIZE + offset, bytes);
  });
  let vhdxBlock = -1;
  let blockOffset = 0; // image offset of that block

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
      table.finish(tableLength(diskSize));
      const tableOffset = size === undefined ? output.position : FRONT_SIZE;
      if (size === undefined) output.zeros(tableSpace(diskSize));
      for (const [offset, bytes] of held) output.patch(tableOffset + offset, bytes);
      for (const [offset, bytes] of encodeFront({ uuid, diskSize, isFixed: false, tableOffset })) {
        output.patch(offset, bytes);
      }
    },
  };

  function startBlock(index: number): void {
    endBlock();
    vhdxBlock = index;
    blockOffset = output.position;
    placeBlock(table, index, blockOffset);
  }

  /** Fills the block up, even where the disk ends within it. */
  function endBlock(): void {
    if (vhdxBlock === -1) return;
    output.zeros(blockOffset + VHDX_BLOCK_SIZE - output.position);
  }
}
