import { hex } from './extensions.ts';
import type { Header } from './header.ts';
import { isCompressed, type L2Entry, offsetOf } from './l2-table.ts';
import { COPIED_HIGH, compressedOffsetBits, ENTRY_SIZE, ZERO_LOW } from './layout.ts';

// Reserved bits, which a writer leaves 0: 56 to 62 of an L1 entry and 56 to 61 of an L2 entry, 0 to 8 and 1 to 8.
const L1_RESERVED_HIGH = 0x7f00_0000;
const L2_RESERVED_HIGH = 0x3f00_0000;
const RESERVED_LOW = 0x1ff;

/** What is wrong with an entry of an L1 table. */
export function tableEntryProblem(
  high: number,
  low: number,
  clusterSize: number,
): string | undefined {
  if ((high & L1_RESERVED_HIGH) !== 0 || (low & RESERVED_LOW) !== 0) return 'reserved bits are set';
  const offset = offsetOf(high, low);
  return offset % clusterSize === 0 ? undefined : `${hex(offset)} is not aligned to a cluster`;
}

/** What is wrong with an entry of an L2 table, taken by itself. */
export function l2EntryProblem(entry: L2Entry, header: Header): string | undefined {
  return isCompressed(entry) ? compressedProblem(entry, header) : standardProblem(entry, header);
}

function compressedProblem(entry: L2Entry, { clusterBits, dataFile }: Header): string | undefined {
  if (dataFile !== undefined) return 'a compressed cluster with an external data file';
  if ((entry.high & COPIED_HIGH) !== 0) return 'a compressed cluster is marked as written in place';
  if ((entry.zeroBits | entry.allocatedBits) !== 0) return 'a compressed cluster has subclusters';
  // "If cluster_bits is small enough that this field includes bits beyond 55, those must be 0".
  const offsetBits = compressedOffsetBits(clusterBits) - 32;
  const beyond = (2 ** offsetBits - 1) & L2_RESERVED_HIGH;
  return (entry.high & beyond) !== 0 ? 'reserved bits are set' : undefined;
}

function standardProblem(entry: L2Entry, header: Header): string | undefined {
  const { high, low, zeroBits, allocatedBits } = entry;
  const extended = header.l2EntrySize > ENTRY_SIZE;
  const flags = extended || header.version === 2 ? 0 : ZERO_LOW;
  if ((high & L2_RESERVED_HIGH) !== 0 || (low & RESERVED_LOW & ~flags) !== 0) {
    return 'reserved bits are set';
  }
  const offset = offsetOf(high, low);
  if (offset % header.clusterSize !== 0) return `${hex(offset)} is not aligned to a cluster`;
  if ((zeroBits & allocatedBits) !== 0) return 'subclusters are both allocated and zeros';
  if (allocatedBits !== 0 && offset === 0 && header.dataFile === undefined) {
    return 'subclusters are allocated nowhere';
  }
  return undefined;
}
