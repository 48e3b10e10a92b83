/** The parts of a disk that were stored, as a sink is told of them. */
export interface StoredParts {
  /** Adds a part; parts ascend. */
  add(diskOffset: number, length: number): void;
  /**
   * The first part of a range that was stored; undefined if there is none. Forgets the parts before
   * `start`, which ascends too.
   */
  firstIn(start: number, end: number): StoredPart | undefined;
}

/** A part of a disk, in bytes. */
export interface StoredPart {
  readonly start: number;
  readonly end: number;
}

/** How many parts are kept: what lies between others then counts as stored. */
const MAX_PARTS = 65_536;

export function storedParts(): StoredParts {
  const parts: { start: number; end: number }[] = [];
  let first = 0; // those before are forgotten
  return {
    add(diskOffset, length) {
      const last = parts.at(-1);
      const isFull = parts.length - first >= MAX_PARTS;
      if (last && parts.length > first && (diskOffset <= last.end || isFull)) {
        last.end = Math.max(last.end, diskOffset + length);
      } else parts.push({ start: diskOffset, end: diskOffset + length });
    },
    firstIn(start, end) {
      while ((parts[first]?.end ?? Infinity) <= start) first++;
      if (first > MAX_PARTS) {
        parts.splice(0, first);
        first = 0;
      }
      const part = parts[first];
      if (!part || start >= end || part.start >= end) return undefined;
      return { start: Math.max(part.start, start), end: Math.min(part.end, end) };
    },
  };
}
