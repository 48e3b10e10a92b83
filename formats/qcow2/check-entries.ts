import type { Header } from './decode-header.ts';
import { isCompressed, type L2Entry, offsetOf, type TableEntry } from './decode-l2-entry.ts';
import { hexOffset } from './faults.ts';
import { COPIED_HIGH, compressedOffsetBits, ENTRY_SIZE, RESERVED_LOW, ZERO_LOW } from './layout.ts';

// Reserved bits of the high half: 56 to 62 of an L1 entry and 56 to 61 of an L2 entry.
const L1_RESERVED_HIGH = 0x7f00_0000;
const L2_RESERVED_HIGH = 0x3f00_0000;

/** What is wrong with an L1 entry, as a clause; undefined if nothing is. */
export function l1EntryProblem(entry: TableEntry, clusterSize: number): string | undefined {
  if ((entry.high & L1_RESERVED_HIGH) !== 0 || (entry.low & RESERVED_LOW) !== 0) {
    return 'reserved bits are set';
  }
  return alignmentProblem(offsetOf(entry), clusterSize);
}

/** What is wrong with an L2 entry by itself, as a clause; undefined if nothing is. */
export function l2EntryProblem(entry: L2Entry, header: Header): string | undefined {
  return isCompressed(entry) ? compressedProblem(entry, header) : standardProblem(entry, header);
}

function compressedProblem(entry: L2Entry, { clusterBits, dataFile }: Header): string | undefined {
  if (dataFile !== undefined) return 'a compressed cluster with an external data file';
  if ((entry.high & COPIED_HIGH) !== 0) return 'a compressed cluster with the copied flag';
  if ((entry.zeroBits | entry.allocatedBits) !== 0) return 'a compressed cluster with subclusters';
  // "If cluster_bits is small enough that this field includes bits beyond 55, those must be 0".
  const offsetBits = compressedOffsetBits(clusterBits) - 32;
  const beyond = (2 ** offsetBits - 1) & L2_RESERVED_HIGH;
  return (entry.high & beyond) !== 0 ? 'reserved bits are set' : undefined;
}

function standardProblem(entry: L2Entry, header: Header): string | undefined {
  const { high, low, zeroBits, allocatedBits } = entry;
  const isExtended = header.l2EntrySize > ENTRY_SIZE;
  const flags = isExtended || header.version === 2 ? 0 : ZERO_LOW;
  if ((high & L2_RESERVED_HIGH) !== 0 || (low & RESERVED_LOW & ~flags) !== 0) {
    return 'reserved bits are set';
  }
  const offset = offsetOf(entry);
  const misaligned = alignmentProblem(offset, header.clusterSize);
  if (misaligned !== undefined) return misaligned;
  if ((zeroBits & allocatedBits) !== 0) return 'subclusters are both allocated and zeros';
  if (allocatedBits !== 0 && offset === 0 && header.dataFile === undefined) {
    return 'subclusters are allocated, but the cluster is not';
  }
  return undefined;
}

function alignmentProblem(offset: number, clusterSize: number): string | undefined {
  if (offset % clusterSize === 0) return undefined;
  return `${hexOffset(offset)} is not aligned to a cluster`;
}
