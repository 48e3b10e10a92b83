// Writes a fixed VHDX, front to back if the size of the disk is known:
//   front, block allocation table    else the one is patched in at the end, and the other comes after the disk
//   the disk                         in whole blocks

import { BLOCK_SIZE, type FormatWriter, type WriteRequest } from '../contract.ts';
import type { Piece } from '../piecewise-table.ts';
import { blockCountOf, blockTable, placeBlock, tableSpace } from './encode-block-table.ts';
import { encodeStructures } from './encode-structures.ts';
import { FRONT_SIZE, VHDX_BLOCK_SIZE } from './layout.ts';

export function fixedWriter({ disk, output }: WriteRequest): FormatWriter {
  const { uuid, size } = disk;
  const dataOffset = FRONT_SIZE + (size === undefined ? 0 : tableSpace(size));
  if (size !== undefined) {
    for (const [offset, bytes] of structures(size, FRONT_SIZE)) {
      output.zeros(offset - output.position);
      output.append(bytes);
    }
  }
  output.zeros(dataOffset - output.position);

  return {
    add(block) {
      output.zeros(dataOffset + block.index * BLOCK_SIZE - output.position);
      output.append(block.bytes);
    },
    finish(diskSize) {
      const tableOffset = dataOffset + blockCountOf(diskSize) * VHDX_BLOCK_SIZE;
      output.zeros(tableOffset - output.position);
      if (size !== undefined) return;
      output.zeros(tableSpace(diskSize));
      for (const [offset, bytes] of structures(diskSize, tableOffset)) output.patch(offset, bytes);
    },
  };

  function structures(diskSize: number, tableOffset: number): Generator<Piece> {
    const table = blockTable();
    for (let block = 0; block < blockCountOf(diskSize); block++) {
      placeBlock(table, block, dataOffset + block * VHDX_BLOCK_SIZE);
    }
    return encodeStructures({ uuid, diskSize, isFixed: true, table, tableOffset });
  }
}
