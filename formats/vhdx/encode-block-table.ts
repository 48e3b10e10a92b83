import { type AscendingTable, ascendingTable } from '../ascending-table.ts';
import { roundUp } from '../rounding.ts';
import { viewOf } from '../struct.ts';
import {
  ALIGNMENT,
  BAT_ENTRY_SIZE,
  batEntryCount,
  chunkRatio,
  FULLY_PRESENT,
  LOGICAL_SECTOR_BYTES,
  VHDX_BLOCK_SIZE,
  ZERO,
} from './layout.ts';

const RATIO = chunkRatio(VHDX_BLOCK_SIZE, LOGICAL_SECTOR_BYTES);

// The entries of a chunk's blocks, and that of its sector bitmap, which only a differencing image
// has.
const CHUNK_SIZE = (RATIO + 1) * BAT_ENTRY_SIZE;

const EMPTY_CHUNK = emptyChunk();

/** A block allocation table. Its pieces are chunks of 32 KiB, for 4 GiB of the disk each. */
export function blockTable(put: (offset: number, bytes: Uint8Array) => void): AscendingTable {
  return ascendingTable(EMPTY_CHUNK, put);
}

/** Sets the image offset of a block of the disk, a multiple of ALIGNMENT. Blocks ascend. */
export function placeBlock(table: AscendingTable, block: number, imageOffset: number): void {
  const chunk = table.piece(Math.floor(block / RATIO));
  // Offsets are whole MiB, so the state does not touch them.
  const entry = BigInt(imageOffset) | BigInt(FULLY_PRESENT);
  viewOf(chunk).setBigUint64((block % RATIO) * BAT_ENTRY_SIZE, entry, true);
}

/** Number of blocks of a disk. */
export function blockCountOf(diskSize: number): number {
  return Math.ceil(diskSize / VHDX_BLOCK_SIZE);
}

/** Bytes of the table up to the entry of the disk's last block. */
export function tableLength(diskSize: number): number {
  return batEntryCount(blockCountOf(diskSize), RATIO) * BAT_ENTRY_SIZE;
}

/** Bytes that the table takes in the image, with room for the entry of the last sector bitmap. */
export function tableSpace(diskSize: number): number {
  const blockCount = blockCountOf(diskSize);
  return roundUp((blockCount + Math.ceil(blockCount / RATIO)) * BAT_ENTRY_SIZE, ALIGNMENT);
}

/**
 * Entries in the state that is defined as zeros: the contents of a block that is "not present" are
 * undefined. Hyper-V cannot read a disk with such an entry whose offset is not zero (QEMU,
 * block/vhdx.c).
 */
function emptyChunk(): Uint8Array {
  const chunk = new Uint8Array(CHUNK_SIZE);
  for (let i = 0; i < RATIO; i++) chunk[i * BAT_ENTRY_SIZE] = ZERO;
  return chunk;
}
