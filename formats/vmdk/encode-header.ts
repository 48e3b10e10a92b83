import { BLOCK_SIZE, SECTOR_SIZE } from '../contract.ts';
import {
  DEFLATE,
  DESCRIPTOR_SECTOR,
  DESCRIPTOR_SECTORS,
  FLAGS,
  GRAIN_SECTORS,
  header,
  MAGIC,
  NEWLINE_TEST,
  OVERHEAD_SECTORS,
  TABLE_GRAINS,
  VERSION,
} from './layout.ts';

/** Encodes the header, or the footer, as a sector. `diskSize` is in bytes. */
export function encodeHeader(diskSize: number, gdOffset: bigint): Uint8Array {
  const bytes = header.encode({
    magic: MAGIC,
    version: VERSION,
    flags: FLAGS,
    capacity: BigInt(capacityOf(diskSize)),
    grainSize: BigInt(GRAIN_SECTORS),
    descriptorOffset: BigInt(DESCRIPTOR_SECTOR),
    descriptorSize: BigInt(DESCRIPTOR_SECTORS),
    numGTEsPerGT: TABLE_GRAINS,
    rgdOffset: 0n,
    gdOffset,
    overHead: BigInt(OVERHEAD_SECTORS),
    uncleanShutdown: 0,
    ...NEWLINE_TEST,
    compressAlgorithm: DEFLATE,
  });
  return padToSector(bytes);
}

/** In sectors, whole grains: VirtualBox refuses others, and open-vmdk never ends on them. */
export function capacityOf(diskSize: number): number {
  return Math.ceil(diskSize / BLOCK_SIZE) * GRAIN_SECTORS;
}

/** A new sector that begins with the bytes. */
export function padToSector(bytes: Uint8Array): Uint8Array {
  const sector = new Uint8Array(SECTOR_SIZE);
  sector.set(bytes);
  return sector;
}
