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

/** Number of blocks in a chunk: 4 GiB of the disk. */
export const RATIO = chunkRatio(VHDX_BLOCK_SIZE, LOGICAL_SECTOR_BYTES);

// The entries of a chunk's blocks, and that of its sector bitmap, which only a differencing image
// has.
const CHUNK_SIZE = (RATIO + 1) * BAT_ENTRY_SIZE;

/** The entries of a chunk without data; not to be changed. */
export const EMPTY_CHUNK = emptyChunk();

/**
 * The table in chunks, each made when it is asked for. `imageOffsetOf` is called for each block
 * once, ascending; undefined: the image has no data of that block.
 */
export function* tablePieces(
  blockCount: number,
  imageOffsetOf: (block: number) => number | undefined,
): Generator<Uint8Array> {
  for (let first = 0; first < blockCount; first += RATIO) {
    const chunk = new Uint8Array(EMPTY_CHUNK);
    const end = Math.min(first + RATIO, blockCount);
    for (let block = first; block < end; block++) {
      const imageOffset = imageOffsetOf(block);
      if (imageOffset !== undefined) setEntry(chunk, block, imageOffset);
    }
    // The table ends with the entry of the last block.
    yield end < blockCount ? chunk : chunk.subarray(0, (end - first) * BAT_ENTRY_SIZE);
  }
}

/** Sets the image offset, a multiple of ALIGNMENT, of a block of the disk in its chunk. */
export function setEntry(chunk: Uint8Array, block: number, imageOffset: number): void {
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
