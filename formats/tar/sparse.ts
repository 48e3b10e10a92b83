// Sparse members, as GNU tar makes them with -S: where the data of a file lies. GNU tar's manual,
// "Old GNU Format". All of it is text, or "base-256" for large numbers.

import { bytes, struct, u8 } from '../struct.ts';
import { damaged, unsupported } from './faults.ts';
import { memberSize, TAR_BLOCK } from './layout.ts';

/** `typeflag` of a sparse member. */
export const SPARSE_FILE = 'S';

/** A part of the file that is stored; the rest is zeros. In bytes. */
export interface SparseExtent {
  readonly offset: number;
  readonly length: number;
}

const PAIR_SIZE = 24;

const pair = struct('big', PAIR_SIZE, {
  offset: [0, memberSize(12)],
  length: [12, memberSize(12)],
});

/** In the header, from byte 386. */
const FIRST_AT = 386;
const first = struct('big', 109, {
  pairs: [0, bytes(4 * PAIR_SIZE)],
  isExtended: [96, u8], // a block of the next struct follows
  realSize: [97, memberSize(12)],
});

const next = struct('big', TAR_BLOCK, {
  pairs: [0, bytes(21 * PAIR_SIZE)],
  isExtended: [504, u8],
  padding: [505, bytes(7)],
});

/** Limit of this program on the pairs of a member, used or not: a stream can go on without end. */
const MAX_PAIRS = 2 ** 20;

/**
 * Decodes where a sparse member has data. Blocks follow the header until `isWhole`. Throws a
 * FormatError for a map that cannot be right, as `addBlock` does.
 */
export function sparseMap(head: Uint8Array) {
  const { pairs, isExtended, realSize } = first.decode(head.subarray(FIRST_AT));
  if (!Number.isSafeInteger(realSize)) {
    throw damaged(`a sparse member has ${realSize} bytes, which no disk has`);
  }
  const extents: SparseExtent[] = [];
  let more = isExtended !== 0;
  let end = 0;
  let pairCount = 0;
  addPairs(pairs);
  return {
    /** In bytes. */
    size: realSize,
    /** Ascending. */
    extents: extents as readonly SparseExtent[],
    isWhole: () => !more,
    addBlock(block: Uint8Array): void {
      const decoded = next.decode(block);
      more = decoded.isExtended !== 0;
      addPairs(decoded.pairs);
    },
  };

  function addPairs(all: Uint8Array): void {
    pairCount += all.length / PAIR_SIZE;
    if (pairCount > MAX_PAIRS) {
      throw unsupported(`a sparse member has more than ${MAX_PAIRS} extents`);
    }
    for (let at = 0; at < all.length; at += PAIR_SIZE) {
      if (all[at] === 0) return; // not used
      const { offset, length } = pair.decode(all.subarray(at));
      if (!(offset >= end && length >= 0 && offset + length <= realSize)) {
        throw damaged(`a sparse member has ${length} bytes at ${offset} of ${realSize}`);
      }
      end = offset + length;
      if (length > 0) extents.push({ offset, length });
    }
  }
}
