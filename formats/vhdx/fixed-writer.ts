// Writes a fixed VHDX, front to back if the size of the disk is known:
//   front                     else left empty, and patched in at the end
//   block allocation table    else after the disk
//   the disk                  in whole blocks

import type { Piece } from '../ascending-table.ts';
import { BLOCK_SIZE, type FormatWriter, type WriteRequest } from '../contract.ts';
import {
  blockCountOf,
  blockTable,
  placeBlock,
  tableLength,
  tableSpace,
} from './encode-block-table.ts';
import { encodeFront } from './encode-front.ts';
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
      const dataEnd = dataOffset + blockCountOf(diskSize) * VHDX_BLOCK_SIZE;
      output.zeros(dataEnd - output.position);
      if (size !== undefined) return;
      output.zeros(tableSpace(diskSize));
      for (const [offset, bytes] of structures(diskSize, dataEnd)) output.patch(offset, bytes);
    },
  };

  /** Front and table by their image offsets, ascending. */
  function structures(diskSize: number, tableOffset: number): readonly Piece[] {
    const pieces = [...encodeFront({ uuid, diskSize, isFixed: true, tableOffset })];
    const table = blockTable((offset, bytes) => pieces.push([tableOffset + offset, bytes]));
    for (let block = 0; block < blockCountOf(diskSize); block++) {
      placeBlock(table, block, dataOffset + block * VHDX_BLOCK_SIZE);
    }
    table.finish(tableLength(diskSize));
    return pieces;
  }
}
