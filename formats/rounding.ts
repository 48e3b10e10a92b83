import { SECTOR_SIZE } from './contract.ts';

/** Rounds up to a multiple; both numbers are in the same unit. */
export function roundUp(size: number, multiple: number): number {
  return Math.ceil(size / multiple) * multiple;
}

/** Rounds down to a multiple; both numbers are in the same unit. */
export function roundDown(size: number, multiple: number): number {
  return size - (size % multiple);
}

/** The distance to the next multiple; both numbers are in the same unit. */
export function paddingAfter(size: number, multiple: number): number {
  return (multiple - (size % multiple)) % multiple;
}

/** A size in bytes, rounded up to whole sectors. */
export function wholeSectors(size: number): number {
  return roundUp(size, SECTOR_SIZE);
}

/** The sectors that a size in bytes takes. */
export function sectorsOf(size: number): number {
  return Math.ceil(size / SECTOR_SIZE);
}
