// Writes a dynamic VHDX:
//   front                     left empty, patched in at the end
//   block allocation table    patched in as it fills, if the size of the disk is known
//   blocks                    those that are not all zeros
//   block allocation table    if the size of the disk is not known beforehand

import { BLOCK_SIZE, type FormatWriter, type WriteRequest } from '../contract.ts';
import { tableAfterBlocks, tableInFront } from './dynamic-table.ts';
import { encodeFront } from './encode-front.ts';
import { FRONT_SIZE, VHDX_BLOCK_SIZE } from './layout.ts';

const BLOCKS_PER_VHDX_BLOCK = VHDX_BLOCK_SIZE / BLOCK_SIZE;

export function dynamicWriter({ disk, output }: WriteRequest): FormatWriter {
  const { uuid, size } = disk;
  let vhdxBlock = -1;
  let blockOffset = 0; // image offset of that block

  output.zeros(FRONT_SIZE);
  const table = size === undefined ? tableAfterBlocks(output) : tableInFront(output, size);

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
      const tableOffset = table.finish(diskSize);
      for (const [offset, bytes] of encodeFront({ uuid, diskSize, isFixed: false, tableOffset })) {
        output.patch(offset, bytes);
      }
    },
  };

  function startBlock(index: number): void {
    endBlock();
    vhdxBlock = index;
    blockOffset = output.position;
    table.place(index, blockOffset);
  }

  /** Fills the block up, even where the disk ends within it. */
  function endBlock(): void {
    if (vhdxBlock === -1) return;
    output.zeros(blockOffset + VHDX_BLOCK_SIZE - output.position);
  }
}
