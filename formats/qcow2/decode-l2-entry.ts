// The entries of the L1, L2 and refcount tables. They are decoded in halves of 32 bits, which is
// much faster than bigint.

import {
  COMPRESSED_HIGH,
  COMPRESSED_SECTOR,
  compressedOffsetBits,
  ENTRY_SIZE,
  OFFSET_HIGH,
  OFFSET_LOW,
} from './layout.ts';

const HIGH = 2 ** 32;

/** An entry of any table, in halves. */
export interface TableEntry {
  readonly high: number;
  readonly low: number;
}

/** An L2 entry. The bitmaps are those of an extended entry, else 0. */
export interface L2Entry extends TableEntry {
  /** A bit for each subcluster: it reads as zeros. */
  readonly zeroBits: number;
  /** A bit for each subcluster: it is allocated. */
  readonly allocatedBits: number;
}

/** Decodes an entry of 8 bytes. */
export function decodeEntry(table: DataView, index: number): TableEntry {
  const at = index * ENTRY_SIZE;
  return { high: table.getUint32(at), low: table.getUint32(at + 4) };
}

/** Decodes an L2 entry of `entrySize` bytes, which is extended if it has 16. */
export function decodeL2Entry(table: DataView, index: number, entrySize: number): L2Entry {
  const at = index * entrySize;
  const isExtended = entrySize > ENTRY_SIZE;
  return {
    high: table.getUint32(at),
    low: table.getUint32(at + 4),
    zeroBits: isExtended ? table.getUint32(at + 8) : 0,
    allocatedBits: isExtended ? table.getUint32(at + 12) : 0,
  };
}

/**
 * The image offset in an entry. From 2^53 on it is not exact, but then past the end of any image.
 */
export function offsetOf({ high, low }: TableEntry): number {
  return (high & OFFSET_HIGH) * HIGH + ((low & OFFSET_LOW) >>> 0);
}

/** Whether an L2 entry describes a compressed cluster. */
export function isCompressed({ high }: TableEntry): boolean {
  return (high & COMPRESSED_HIGH) !== 0;
}

/** "Compressed Clusters Descriptor": where the compressed data begins, and its greatest length. */
export function compressedPlace(
  { high, low }: TableEntry,
  clusterBits: number,
): { readonly imageOffset: number; readonly imageLength: number } {
  const offsetBits = compressedOffsetBits(clusterBits) - 32; // of the high half
  const descriptor = high & (COMPRESSED_HIGH - 1);
  const imageOffset = (descriptor & (2 ** offsetBits - 1)) * HIGH + low;
  const additional = descriptor >>> offsetBits;
  const imageLength = (1 + additional) * COMPRESSED_SECTOR - (imageOffset % COMPRESSED_SECTOR);
  return { imageOffset, imageLength };
}
