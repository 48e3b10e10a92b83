import { damaged } from './faults.ts';

/**
 * A bit for each unit of a space: whether it is allocated. Calls past its end throw a RangeError.
 */
export interface AllocationMap {
  /** Frees all units. */
  clear(): void;
  /** Throws a FormatError if one of the units is allocated already. */
  allocate(start: number, count: number): void;
  /** Throws a FormatError if one of the units is free already. */
  free(start: number, count: number): void;
  /** Whether a unit is allocated. */
  isAllocated(start: number): boolean;
  /** The longest runs of free units below `end`, ascending. */
  freeRuns(end: number): Iterable<{ readonly start: number; readonly end: number }>;
}

const BITS = 32;
const ALL = -1; // as a signed number of 32 bits

/** A map of `size` free units. It takes an eighth as many bytes. */
export function allocationMap(size: number): AllocationMap {
  const words = new Int32Array(Math.ceil(size / BITS));

  return {
    clear: () => void words.fill(0),
    allocate: (start, count) => flip(start, count, 0, 'allocated'),
    free: (start, count) => flip(start, count, ALL, 'freed'),
    isAllocated: (at) => (words[at >>> 5]! & (1 << (at & 31))) !== 0,
    freeRuns,
  };

  /** Inverts bits, all of which must be as in `from`. */
  function flip(start: number, count: number, from: number, done: string): void {
    const end = start + count;
    if (end > size) throw new RangeError(`unit ${end} of ${size}`);
    for (let at = start; at < end;) {
      const bit = at % BITS;
      const length = Math.min(BITS - bit, end - at);
      const mask = length === BITS ? ALL : ((1 << length) - 1) << bit;
      const index = (at - bit) / BITS;
      const word = words[index]!; // within `size`
      if (((word ^ from) & mask) !== 0) throw damaged(`a part of the pool is ${done} twice`);
      words[index] = word ^ mask;
      at += length;
    }
  }

  function* freeRuns(end: number) {
    let start = -1; // of the current run
    for (let at = 0; at < end;) {
      const word = words[Math.floor(at / BITS)]!;
      const isWhole = at % BITS === 0 && end - at >= BITS && (word === 0 || word === ALL);
      const isFree = isWhole ? word === 0 : (word & (1 << (at % BITS))) === 0;
      if (isFree && start < 0) start = at;
      if (!isFree && start >= 0) {
        yield { start, end: at };
        start = -1;
      }
      at += isWhole ? BITS : 1;
    }
    if (start >= 0) yield { start, end };
  }
}
