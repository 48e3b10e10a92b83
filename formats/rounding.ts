import { SECTOR_SIZE } from './contract.ts';

/** The next multiple of `multiple` from `size` on, both in bytes or both in any other unit. */
export function roundUp(size: number, multiple: number): number {
  return Math.ceil(size / multiple) * multiple;
}

/** The last multiple of `multiple` up to `size`. */
export function roundDown(size: number, multiple: number): number {
  return size - (size % multiple);
}

/** The size of a disk with its last sector padded, in bytes. */
export function wholeSectors(size: number): number {
  return roundUp(size, SECTOR_SIZE);
}
