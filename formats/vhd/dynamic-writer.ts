// Writes a dynamic VHD:
//   footer copy, dynamic disk header, block allocation table    left empty, patched in at the end
//   blocks    those that are not all zeros, each a bitmap of its sectors and then 2 MiB of data
//   footer    the last sector
// While the size of the disk is unknown, the table has room for the largest disk: a hole of 4 MiB.

import { BLOCK_SIZE, type FormatWriter, SECTOR_SIZE, type WriteRequest } from '../contract.ts';
import { viewOf } from '../struct.ts';
import { encodeFooter } from './footer.ts';
import {
  BAT_ENTRY_SIZE,
  BAT_UNUSED_BYTE,
  BITMAP_SIZE,
  checksum,
  DYNAMIC,
  DYNAMIC_COOKIE,
  dynamicHeader,
  footer,
  MAX_DISK_SIZE,
  NO_OFFSET,
  VERSION,
  VHD_BLOCK_SIZE,
} from './layout.ts';

const HEADER_OFFSET = footer.size;
const TABLE_OFFSET = HEADER_OFFSET + dynamicHeader.size;

const BLOCKS_PER_VHD_BLOCK = VHD_BLOCK_SIZE / BLOCK_SIZE;

// QEMU ignores the bits, VirtualBox and 7-Zip do not: every sector of a block that is there counts as written.
const BITMAP = new Uint8Array(BITMAP_SIZE).fill(0xff);

export function dynamicWriter({ disk, output }: WriteRequest): FormatWriter {
  const table = new Uint8Array(tableSize(disk.size ?? MAX_DISK_SIZE)).fill(BAT_UNUSED_BYTE);
  let vhdBlock = -1;
  let dataOffset = 0; // in the image, of the block's first data

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
      output.patch(HEADER_OFFSET, encodeHeader(diskSize));
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

  /** A block is whole even where the disk ends in it. */
  function endBlock(): void {
    if (vhdBlock === -1) return;
    output.zeros(dataOffset + VHD_BLOCK_SIZE - output.position);
  }
}

/** The block allocation table of a disk, in whole sectors, in bytes. */
function tableSize(diskSize: number): number {
  const size = blockCount(diskSize) * BAT_ENTRY_SIZE;
  return Math.ceil(size / SECTOR_SIZE) * SECTOR_SIZE;
}

function blockCount(diskSize: number): number {
  return Math.ceil(diskSize / VHD_BLOCK_SIZE);
}

function encodeHeader(diskSize: number): Uint8Array {
  const values = {
    cookie: DYNAMIC_COOKIE,
    dataOffset: NO_OFFSET,
    tableOffset: BigInt(TABLE_OFFSET),
    headerVersion: VERSION,
    maxTableEntries: blockCount(diskSize),
    blockSize: VHD_BLOCK_SIZE,
    checksum: 0,
    parentUniqueId: new Uint8Array(16),
    parentTimeStamp: 0,
    reserved: 0,
    parentUnicodeName: new Uint8Array(512),
    parentLocators: new Uint8Array(8 * 24),
    reservedEnd: new Uint8Array(256),
  };
  return dynamicHeader.encode({ ...values, checksum: checksum(dynamicHeader.encode(values)) });
}
