// Where the blocks of a removed device are now: its mapping, an array of entries ascending by the
// offset that they had. Source: OpenZFS, sys/vdev_indirect_mapping.h
// (vdev_indirect_mapping_entry_phys_t, vdev_indirect_mapping_phys_t).

import { viewOf } from '../struct.ts';
import { decodePlace } from './decode-pointer.ts';
import { damaged } from './faults.ts';
import type { IndirectMapping, MovedPart } from './pool-blocks.ts';
import { bytesAt, type PoolObject } from './pool-objects.ts';

const ENTRY_SIZE = 24; // the offset that it had, then a dva_t
const SECTOR_SHIFT = 9n;
const COUNT_OFFSET = 16; // vimp_num_entries, in the bonus

/** Opens the mapping of a removed device. Throws a FormatError if it is damaged. */
export function indirectMapping(object: PoolObject): IndirectMapping {
  if (object.bonus.length < COUNT_OFFSET + 8)
    throw damaged('the mapping of a device has no header');
  const count = Number(viewOf(object.bonus).getBigUint64(COUNT_OFFSET, true));
  if (count * ENTRY_SIZE > object.blockCount * object.blockSize) {
    throw damaged(`the mapping of a device has ${count} entries, more than its blocks hold`);
  }

  return async (offset, length) => {
    const parts: MovedPart[] = [];
    let at = offset;
    for (let index = await indexOf(offset); at < offset + length; index++) {
      const entry = index < count ? await entryAt(index) : undefined;
      if (!entry || at < entry.start || at >= entry.end) {
        throw damaged(`byte ${at} of a removed device was not moved`);
      }
      const end = Math.min(entry.end, offset + length);
      parts.push({
        vdev: entry.vdev,
        offset: entry.offset + at - entry.start,
        length: end - at,
      });
      at = end;
    }
    return parts;
  };

  /** The last entry that begins at the offset or before; 0 if there is none. */
  async function indexOf(offset: number): Promise<number> {
    let low = 0;
    let high = count - 1;
    while (low < high) {
      const middle = Math.ceil((low + high) / 2);
      if ((await entryAt(middle)).start <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  async function entryAt(index: number) {
    const entry = await bytesAt(object, index * ENTRY_SIZE, ENTRY_SIZE);
    const source = viewOf(entry).getBigUint64(0, true);
    const start = Number(BigInt.asUintN(63, source) << SECTOR_SHIFT);
    const { vdev, offset, length } = decodePlace(viewOf(entry), 8);
    return { start, end: start + length, vdev, offset };
  }
}
