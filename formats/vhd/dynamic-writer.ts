// Writes a dynamic VHD:
//   footer copy, dynamic disk header, block allocation table    left empty, patched in at the end
//   blocks    those that are not all zeros: a bitmap of the sectors and 2 MiB of data each
//   footer    the last sector
// While the size of the disk is unknown, the table has room for the largest disk: a hole of 4 MiB.

import { BLOCK_SIZE, type FormatWriter, SECTOR_SIZE, type WriteRequest } from '../contract.ts';
import { wholeSectors } from '../rounding.ts';
import { viewOf } from '../struct.ts';
import { encodeDynamicHeader } from './encode-dynamic-header.ts';
import { encodeFooter } from './encode-footer.ts';
import {
  BAT_ENTRY_SIZE,
  BAT_UNUSED_BYTE,
  BITMAP_SIZE,
  blockCountOf,
  DYNAMIC,
  dynamicHeader,
  footer,
  MAX_DISK_SIZE,
  VHD_BLOCK_SIZE,
} from './layout.ts';

const HEADER_OFFSET = footer.size;
const TABLE_OFFSET = HEADER_OFFSET + dynamicHeader.size;

const BLOCKS_PER_VHD_BLOCK = VHD_BLOCK_SIZE / BLOCK_SIZE;

// QEMU ignores the bits, VirtualBox and 7-Zip do not: every sector of a stored block is written.
const BITMAP = new Uint8Array(BITMAP_SIZE).fill(0xff);

export function dynamicWriter({ disk, output }: WriteRequest): FormatWriter {
  const table = new Uint8Array(tableSize(disk.size ?? MAX_DISK_SIZE)).fill(BAT_UNUSED_BYTE);
  let vhdBlock = -1;
  let dataOffset = 0; // image offset of the data of that block

  output.zeros(TABLE_OFFSET + table.length);

  return {
    add(block) {
      const index = Math.floor(block.index / BLOCKS_PER_VHD_BLOCK);
      if (index !== vhdBlock) startBlock(index);
      const offsetInBlock = (block.index % BLOCKS_PER_VHD_BLOCK) * BLOCK_SIZE;
      output.zeros(dataOffset + offsetInBlock - output.position);
      output.append(block.bytes);
    },
    finish(diskSize) {
      endBlock();
      const facts = { diskType: DYNAMIC, diskSize, dataOffset: BigInt(HEADER_OFFSET) };
      const footerBytes = encodeFooter(disk, facts);
      output.patch(0, footerBytes);
      output.patch(HEADER_OFFSET, encodeDynamicHeader(diskSize, TABLE_OFFSET));
      output.patch(TABLE_OFFSET, table.subarray(0, tableSize(diskSize)));
      output.append(footerBytes);
    },
  };

  function startBlock(index: number): void {
    endBlock();
    vhdBlock = index;
    viewOf(table).setUint32(index * BAT_ENTRY_SIZE, output.position / SECTOR_SIZE);
    output.append(BITMAP);
    dataOffset = output.position;
  }

  /** Fills the block up, even where the disk ends within it. */
  function endBlock(): void {
    if (vhdBlock === -1) return;
    output.zeros(dataOffset + VHD_BLOCK_SIZE - output.position);
  }
}

/** Bytes of the block allocation table of a disk, in whole sectors. */
function tableSize(diskSize: number): number {
  return wholeSectors(blockCountOf(diskSize) * BAT_ENTRY_SIZE);
}
