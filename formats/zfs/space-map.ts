// A space map: a log of what was allocated and freed, in words of 64 bits. What it says of the free space is the sum of all.
//   0...  47 bits of offset, whether it is freed, 15 bits of run    both in units of the map
//   10..  a remark: nothing is allocated or freed
//   11..  36 bits of run, 24 bits of vdev; then a word: whether it is freed, 63 bits of offset
// Source: OpenZFS, sys/space_map.h (space_map_phys_t and the comment after it). A run is stored less one.

import { FormatError } from '../errors.ts';
import { viewOf } from '../struct.ts';
import type { PoolObject } from './pool-objects.ts';

/** What a space map tells of; offset and count in units of the map. */
export interface SpaceMapEntry {
  readonly isFreed: boolean;
  readonly offset: number;
  readonly count: number;
  /** Of the top-level vdev, in a map of several; else to be left alone. */
  readonly vdev: number;
}

const SPACE_MAP = 8; // DMU_OT_SPACE_MAP
const SPACE_MAP_HEADER = 7; // DMU_OT_SPACE_MAP_HEADER
/** In the header: its length in bytes, and what is allocated by it, a signed number of bytes. */
const LENGTH_OFFSET = 8;
const ALLOCATED_OFFSET = 16;
const MIN_HEADER_SIZE = 24; // SPACE_MAP_SIZE_V0

const WORD_SIZE = 8;
const REMARK = 2;
const TWO_WORDS = 3;
const TWO_32 = 2 ** 32;

/**
 * Calls `onEntry` for each entry of a map whose units have `unit` bytes, in their order. The entry that it is given is
 * the next one's later on. Throws a FormatError for what is no space map, or does not come to the sum that it says.
 */
export async function readSpaceMap(
  map: PoolObject,
  unit: number,
  onEntry: (entry: SpaceMapEntry) => void,
): Promise<void> {
  if (map.type !== SPACE_MAP || map.bonusType !== SPACE_MAP_HEADER) {
    throw new FormatError('damaged', 'an object is no space map');
  }
  if (map.bonus.length < MIN_HEADER_SIZE)
    throw new FormatError('damaged', 'a space map has no header');
  const head = viewOf(map.bonus);
  const length = Number(head.getBigUint64(LENGTH_OFFSET, true));
  const allocated = Number(head.getBigInt64(ALLOCATED_OFFSET, true));
  if (length > map.blockCount * map.blockSize || length % WORD_SIZE !== 0) {
    throw new FormatError('damaged', `a space map of ${length} bytes is longer than its blocks`);
  }
  let sum = 0;
  for (let start = 0; start < length; start += map.blockSize) {
    const block = await map.block(start / map.blockSize);
    sum += readBlock(viewOf(block), Math.min(map.blockSize, length - start), onEntry);
  }
  if (sum * unit !== allocated) {
    throw new FormatError(
      'damaged',
      `a space map says ${allocated} bytes, and comes to ${sum * unit}`,
    );
  }
}

/** Answers how many units more are allocated after it. */
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
      if (at >= length) throw new FormatError('damaged', 'a space map ends within an entry');
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
