// Lists of extents of a disk, as pairs of doubles in one array: the free space of a pool may have
// a million of them.

/** An extent of the disk in bytes. */
export interface DiskExtent {
  /** The first byte. */
  readonly start: number;
  /** The byte after the last. */
  readonly end: number;
}

/** Extents, ascending, without overlap; offsets in bytes. */
export interface DiskExtents {
  readonly count: number;
  start(index: number): number;
  end(index: number): number;
  /** Index of the first extent that ends after `offset`; `count` if there is none. */
  firstEndingAfter(offset: number): number;
}

/** Collects extents. */
export interface ExtentCollector {
  /** Calls ascend. An extent that begins where the last one ended is joined with it. */
  add(start: number, end: number): void;
  /** Starts and ends in turns. The array is the collector's and valid until the next `add`. */
  found(): Float64Array;
}

const FIRST_ROOM = 1024; // extents
/** Where there are too many extents, those shorter than this are dropped first. In bytes. */
const FIRST_MINIMUM = 1024;

/** Keeps at most `limit` extents: where there are more, drops the shortest. */
export function extentCollector(limit: number): ExtentCollector {
  let bounds = new Float64Array(2 * Math.min(FIRST_ROOM, limit));
  let length = 0;
  let minimum = 0;

  return {
    add(start, end) {
      if (length > 0 && bounds[length - 1] === start) {
        bounds[length - 1] = end;
        return;
      }
      // The last extent can be judged only now, when nothing more is joined with it.
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

/** Moves extents of at least `minimum` bytes to the front; returns the length that they take. */
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

/** Extents of one part of the disk, such as a partition. */
export interface ExtentGroup {
  /** Starts and ends in turns, ascending. */
  readonly bounds: readonly number[] | Float64Array;
  /** Offset of the part on the disk, which is added to all bounds; in bytes. */
  readonly diskOffset: number;
}

/** Makes a group of each extent. */
export function singleGroups(extents: readonly DiskExtent[]): ExtentGroup[] {
  return extents.map(({ start, end }) => ({ bounds: [start, end], diskOffset: 0 }));
}

/** Joins groups to a list of all extents. The ranges of the groups must not overlap. */
export function joinGroups(groups: readonly ExtentGroup[]): DiskExtents {
  const first = ({ bounds, diskOffset }: ExtentGroup) => diskOffset + (bounds[0] ?? 0);
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
