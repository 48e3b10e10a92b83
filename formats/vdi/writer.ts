// Writes a dynamic VDI:
//   header    left empty, patched in at the end
//   map       patched in as it fills
//   blocks    those that are not all zeros

import { ascendingTable } from '../ascending-table.ts';
import { BLOCK_SIZE, type FormatWriter, type WriteRequest } from '../contract.ts';
import { roundUp } from '../rounding.ts';
import { viewOf } from '../struct.ts';
import { encodeHeader } from './encode-header.ts';
import { unsupported } from './faults.ts';
import { ALIGNMENT, FREE_BYTE, MAP_ENTRY_SIZE, VDI_BLOCK_SIZE } from './layout.ts';

const BLOCKS_PER_VDI_BLOCK = VDI_BLOCK_SIZE / BLOCK_SIZE;

// Entries of the map in a piece of it: 16 GiB of the disk.
const PIECE_ENTRIES = 2 ** 14;
const EMPTY_PIECE = new Uint8Array(PIECE_ENTRIES * MAP_ENTRY_SIZE).fill(FREE_BYTE);

/**
 * Throws a FormatError if the size of the disk is not known: VirtualBox takes no map after the
 * blocks.
 */
export function vdiWriter({ disk, output }: WriteRequest): FormatWriter {
  if (disk.size === undefined) {
    throw unsupported('the size of the disk must be known before it is written');
  }
  const blockCount = Math.ceil(disk.size / VDI_BLOCK_SIZE);
  const mapOffset = ALIGNMENT;
  const dataOffset = mapOffset + roundUp(blockCount * MAP_ENTRY_SIZE, ALIGNMENT);
  const map = ascendingTable(EMPTY_PIECE, (offset, bytes) => {
    output.patch(mapOffset + offset, bytes);
  });
  let vdiBlock = -1;
  let allocatedCount = 0;

  output.zeros(dataOffset);

  return {
    add(block) {
      const index = Math.floor(block.index / BLOCKS_PER_VDI_BLOCK);
      if (index !== vdiBlock) startBlock(index);
      const blockOffset = dataOffset + (allocatedCount - 1) * VDI_BLOCK_SIZE;
      const offsetInBlock = (block.index % BLOCKS_PER_VDI_BLOCK) * BLOCK_SIZE;
      output.zeros(blockOffset + offsetInBlock - output.position);
      output.append(block.bytes);
    },
    finish(diskSize) {
      // A block is whole even where the disk ends in it.
      output.zeros(dataOffset + allocatedCount * VDI_BLOCK_SIZE - output.position);
      const facts = { diskSize, mapOffset, dataOffset, blockCount, allocatedCount };
      output.patch(0, encodeHeader(disk, facts));
      map.finish(blockCount * MAP_ENTRY_SIZE);
    },
  };

  function startBlock(index: number): void {
    vdiBlock = index;
    const piece = viewOf(map.piece(Math.floor(index / PIECE_ENTRIES)));
    piece.setUint32((index % PIECE_ENTRIES) * MAP_ENTRY_SIZE, allocatedCount, true);
    allocatedCount++;
  }
}
