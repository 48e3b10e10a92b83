import { SECTOR_SIZE } from '../contract.ts';

/** The size of a disk as the BIOS counts it. */
export interface Geometry {
  readonly cylinders: number;
  readonly heads: number;
  readonly sectorsPerTrack: number;
}

// The most cylinders that the field of the footer holds, and the most heads and sectors of ATA.
const MAX_CYLINDERS = 65_535;
const MAX_HEADS = 16;
const MAX_SECTORS = 255;

/**
 * The geometry of a disk of `diskSize` bytes. Specification: "Appendix: CHS Calculation". It rounds
 * down and ends at 127.5 GiB, so readers must take the size from the footer's "Current Size".
 */
export function geometry(diskSize: number): Geometry {
  const most = MAX_CYLINDERS * MAX_HEADS * MAX_SECTORS;
  const sectorCount = Math.min(diskSize / SECTOR_SIZE, most);
  const { heads, sectorsPerTrack } = track(sectorCount);
  const cylinders = Math.floor(Math.floor(sectorCount / sectorsPerTrack) / heads);
  return { cylinders, heads, sectorsPerTrack };
}

function track(sectorCount: number): Omit<Geometry, 'cylinders'> {
  if (sectorCount >= MAX_CYLINDERS * MAX_HEADS * 63) {
    return { heads: MAX_HEADS, sectorsPerTrack: MAX_SECTORS };
  }
  const heads = Math.max(4, Math.ceil(Math.floor(sectorCount / 17) / 1024));
  if (heads <= MAX_HEADS && Math.floor(sectorCount / 17) < heads * 1024) {
    return { heads, sectorsPerTrack: 17 };
  }
  const fits = Math.floor(sectorCount / 31) < MAX_HEADS * 1024;
  return { heads: MAX_HEADS, sectorsPerTrack: fits ? 31 : 63 };
}
