// A space map: a log of allocations and frees, in words of 64 bits.
//   0...  47 bits of offset, one bit: freed, 15 bits of run    both in units of the map
//   10..  a remark, without allocations or frees
//   11..  36 bits of run, 24 bits of vdev; second word: one bit: freed, 63 bits of offset
// A run is stored less one. Source: OpenZFS, sys/space_map.h (space_map_phys_t).

import { damaged } from './faults.ts';
import { viewOf } from '../struct.ts';
import type { PoolObject } from './pool-objects.ts';

/** An allocation or a free. Offset and count are in units of the map. */
export interface SpaceMapEntry {
  readonly isFreed: boolean;
  readonly offset: number;
  readonly count: number;
  /** Number of the top-level vdev in a map of several; else without meaning. */
  readonly vdev: number;
}

const SPACE_MAP = 8; // DMU_OT_SPACE_MAP
const SPACE_MAP_HEADER = 7; // DMU_OT_SPACE_MAP_HEADER
/** In the header: length of the map in bytes, and the bytes that it allocates, a signed number. */
const LENGTH_OFFSET = 8;
const ALLOCATED_OFFSET = 16;
const MIN_HEADER_SIZE = 24; // SPACE_MAP_SIZE_V0

const WORD_SIZE = 8;
const REMARK = 2;
const TWO_WORDS = 3;
const TWO_32 = 2 ** 32;

/**
 * Calls `onEntry` for each entry of a map whose units have `unit` bytes, in order. The object that
 * it passes is reused for the next entry. Rejects with a FormatError if it is not a space map or
 * its sum is wrong.
 */
export async function readSpaceMap(
  map: PoolObject,
  unit: number,
  onEntry: (entry: SpaceMapEntry) => void,
): Promise<void> {
  if (map.type !== SPACE_MAP || map.bonusType !== SPACE_MAP_HEADER) {
    throw damaged('an object is not a space map');
  }
  if (map.bonus.length < MIN_HEADER_SIZE) throw damaged('a space map has no header');
  const head = viewOf(map.bonus);
  const length = Number(head.getBigUint64(LENGTH_OFFSET, true));
  const allocated = Number(head.getBigInt64(ALLOCATED_OFFSET, true));
  if (length > map.blockCount * map.blockSize || length % WORD_SIZE !== 0) {
    throw damaged(`a space map of ${length} bytes is longer than its blocks`);
  }
  let sum = 0;
  for (let start = 0; start < length; start += map.blockSize) {
    const block = await map.block(start / map.blockSize);
    sum += readBlock(viewOf(block), Math.min(map.blockSize, length - start), onEntry);
  }
  if (sum * unit !== allocated) {
    throw damaged(`a space map allocates ${sum * unit} bytes, its header says ${allocated}`);
  }
}

/** Returns by how many units it increases the allocated space. */
function readBlock(
  view: DataView,
  length: number,
  onEntry: (entry: SpaceMapEntry) => void,
): number {
  const entry = { isFreed: false, offset: 0, count: 0, vdev: 0 };
  let sum = 0;
  for (let at = 0; at < length; at += WORD_SIZE) {
    const low = view.getUint32(at, true);
    const high = view.getUint32(at + 4, true);
    const prefix = high >>> 30;
    if (prefix === REMARK) continue;
    if (prefix === TWO_WORDS) {
      at += WORD_SIZE;
      if (at >= length) throw damaged('a space map ends within an entry');
      const next = view.getUint32(at + 4, true);
      entry.isFreed = next >>> 31 === 1;
      entry.offset = (next & 0x7fffffff) * TWO_32 + view.getUint32(at, true);
      entry.count = (high & 0x0fffffff) * 256 + (low >>> 24) + 1;
      entry.vdev = low & 0x00ffffff;
    } else {
      entry.isFreed = ((low >>> 15) & 1) === 1;
      entry.offset = (high & 0x7fffffff) * 65_536 + (low >>> 16);
      entry.count = (low & 0x7fff) + 1;
      entry.vdev = 0;
    }
    sum += entry.isFreed ? -entry.count : entry.count;
    onEntry(entry);
  }
  return sum;
}
