// Stretches of a disk, of which a pool may have as many as it has holes: two doubles for each.

import type { Stretch } from './plan.ts';

/** Stretches, ascending, without overlap; offsets in bytes. */
export interface Stretches {
  readonly count: number;
  start(index: number): number;
  end(index: number): number;
  /** The first that ends after that byte; `count` if there is none. */
  firstEndingAfter(offset: number): number;
}

/** Stretches that are being found. */
export interface StretchCollector {
  /** They ascend. One that goes on where the last ended is joined with it. */
  add(start: number, end: number): void;
  /** Starts and ends in turns; the collector's, until the next call of `add`. */
  found(): Float64Array;
}

const FIRST_ROOM = 1024; // stretches
/** Stretches shorter than this go first where there are too many; in bytes. */
const FIRST_MINIMUM = 1024;

/** Keeps at most `limit` stretches: where there are more, the shortest are forgotten. */
export function stretchCollector(limit: number): StretchCollector {
  let bounds = new Float64Array(2 * Math.min(FIRST_ROOM, limit));
  let length = 0;
  let minimum = 0;

  return {
    add(start, end) {
      if (length > 0 && bounds[length - 1] === start) {
        bounds[length - 1] = end;
        return;
      }
      // Only now is the last one known to be whole.
      if (length > 0 && bounds[length - 1]! - bounds[length - 2]! < minimum) length -= 2;
      if (length === bounds.length) makeRoom();
      bounds[length] = start;
      bounds[length + 1] = end;
      length += 2;
    },
    found: () => bounds.subarray(0, length),
  };

  function makeRoom(): void {
    if (bounds.length < 2 * limit) {
      const larger = new Float64Array(Math.min(2 * bounds.length, 2 * limit));
      larger.set(bounds);
      bounds = larger;
      return;
    }
    while (length > bounds.length / 2) {
      minimum = Math.max(FIRST_MINIMUM, 2 * minimum);
      length = withoutShort(bounds, length, minimum);
    }
  }
}

/** Moves those of at least `minimum` bytes to the front; answers where they end. */
function withoutShort(bounds: Float64Array, length: number, minimum: number): number {
  let kept = 0;
  for (let at = 0; at < length; at += 2) {
    const start = bounds[at]!;
    const end = bounds[at + 1]!;
    if (end - start < minimum) continue;
    bounds[kept] = start;
    bounds[kept + 1] = end;
    kept += 2;
  }
  return kept;
}

/** Stretches of one part of the disk, such as a partition. */
export interface StretchGroup {
  /** Starts and ends in turns, ascending. */
  readonly bounds: readonly number[] | Float64Array;
  /** What is to be added to them, in bytes. */
  readonly diskOffset: number;
}

/** Stretches as a group of one each. */
export function singleGroups(stretches: readonly Stretch[]): StretchGroup[] {
  return stretches.map(({ start, end }) => ({ bounds: [start, end], diskOffset: 0 }));
}

/** All stretches of the disk; what is in one group is not between those of another. */
export function joinStretches(groups: readonly StretchGroup[]): Stretches {
  const first = ({ bounds, diskOffset }: StretchGroup) => diskOffset + (bounds[0] ?? 0);
  const sorted = groups
    .filter(({ bounds }) => bounds.length > 0)
    .sort((one, other) => first(one) - first(other));
  const all = new Float64Array(sorted.reduce((sum, { bounds }) => sum + bounds.length, 0));
  let length = 0;
  for (const { bounds, diskOffset } of sorted) {
    for (const bound of bounds) all[length++] = bound + diskOffset;
  }
  const count = length / 2;
  return {
    count,
    start: (index) => all[2 * index]!,
    end: (index) => all[2 * index + 1]!,
    firstEndingAfter,
  };

  function firstEndingAfter(offset: number): number {
    let low = 0;
    let high = count;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      if (all[2 * middle + 1]! > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
