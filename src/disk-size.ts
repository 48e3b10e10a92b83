import { SECTOR_SIZE } from '../formats/index.ts';

/** The size of a disk with its last sector padded. */
export function wholeSectors(size: number): number {
  return roundUp(size, SECTOR_SIZE);
}

export function roundUp(size: number, multiple: number): number {
  return Math.ceil(size / multiple) * multiple;
}
