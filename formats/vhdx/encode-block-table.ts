import { type PiecewiseTable, piecewiseTable } from '../piecewise-table.ts';
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

// Entries of the blocks of a chunk, and one for a sector bitmap, which no disk without a parent
// has.
const CHUNK_SIZE = (RATIO + 1) * BAT_ENTRY_SIZE;

const EMPTY_CHUNK = emptyChunk();

/**
 * The table of a disk that is all zeros. Its memory grows by 32 KiB for each chunk of 4 GiB that
 * has data.
 */
export function blockTable(): PiecewiseTable {
  return piecewiseTable(EMPTY_CHUNK);
}

/** Says where a block of the disk is in the image, in bytes, a multiple of ALIGNMENT. */
export function placeBlock(table: PiecewiseTable, block: number, imageOffset: number): void {
  const chunk = table.piece(Math.floor(block / RATIO));
  // Offsets are whole MiB, so the state does not touch them.
  const entry = BigInt(imageOffset) | BigInt(FULLY_PRESENT);
  viewOf(chunk).setBigUint64((block % RATIO) * BAT_ENTRY_SIZE, entry, true);
}

/** Blocks of a disk of that many bytes. */
export function blockCountOf(diskSize: number): number {
  return Math.ceil(diskSize / VHDX_BLOCK_SIZE);
}

/** Bytes of the table of a disk, up to the entry of its last block. */
export function tableLength(diskSize: number): number {
  return batEntryCount(blockCountOf(diskSize), RATIO) * BAT_ENTRY_SIZE;
}

/** What the table takes in the image, with the entry of a sector bitmap after every chunk. */
export function tableSpace(diskSize: number): number {
  const blockCount = blockCountOf(diskSize);
  return roundUp((blockCount + Math.ceil(blockCount / RATIO)) * BAT_ENTRY_SIZE, ALIGNMENT);
}

/**
 * All zeros by the state that says so: what a block that is "not present" holds is undefined. Its
 * offset must be zero, or Hyper-V cannot read the disk (QEMU, block/vhdx.c).
 */
function emptyChunk(): Uint8Array {
  const chunk = new Uint8Array(CHUNK_SIZE);
  for (let i = 0; i < RATIO; i++) chunk[i * BAT_ENTRY_SIZE] = ZERO;
  return chunk;
}
