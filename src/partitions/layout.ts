// Partition tables on disk: MBR in the first sector, GPT from the second one on.
// Specification: UEFI 2.10, chapter 5. All numbers are little-endian.

import { ascii, bytes, struct, u16, u32, u64, u8, viewOf } from '../../formats/struct.ts';

/**
 * "Legacy MBR", table 5.1. Addresses count sectors of 512 bytes here, since the disk does not
 * record its sector size.
 */
export const mbr = struct('little', 512, {
  bootCode: [0, bytes(440)],
  diskSignature: [440, u32],
  unknown: [444, u16],
  partitions: [446, bytes(4 * 16)],
  signature: [510, u16],
});

export const MBR_SIGNATURE = 0xaa55;
export const RECORD_COUNT = 4;

/** "Legacy MBR Partition Record", table 5.2. */
export const partitionRecord = struct('little', 16, {
  bootIndicator: [0, u8], // 0 or ACTIVE
  startingChs: [1, bytes(3)],
  osType: [4, u8], // 0: unused
  endingChs: [5, bytes(3)],
  startingLba: [8, u32],
  sizeInLba: [12, u32],
});

export const ACTIVE = 0x80;

/** Values of `osType`. */
export const OS_TYPE = {
  gptProtective: 0xee,
  esp: 0xef,
  /** Types of extended partitions, of DOS, Windows and Linux. */
  extended: [0x05, 0x0f, 0x85] as readonly number[],
} as const;

/** The text form of a type in an MBR: `0x0C`. */
export function typeText(osType: number): string {
  return `0x${osType.toString(16).padStart(2, '0').toUpperCase()}`;
}

/**
 * "GPT Header", table 5.5. The header may be larger than this; its size and checksum then include
 * the rest.
 */
export const gptHeader = struct('little', 92, {
  signature: [0, ascii(8)],
  revision: [8, u32],
  headerSize: [12, u32], // bytes
  headerCrc32: [16, u32], // computed while it is zero
  reserved: [20, u32],
  myLba: [24, u64],
  alternateLba: [32, u64], // of the other header
  firstUsableLba: [40, u64],
  lastUsableLba: [48, u64],
  diskGuid: [56, bytes(16)],
  partitionEntryLba: [72, u64],
  entryCount: [80, u32],
  entrySize: [84, u32], // bytes
  entryArrayCrc32: [88, u32],
});

export const GPT_SIGNATURE = 'EFI PART';
export const PRIMARY_LBA = 1n;

/**
 * Sector sizes to try, in bytes, since the disk does not record the one that it was partitioned
 * with.
 */
export const SECTOR_SIZES = [512, 4096] as const;

/** "GPT Partition Entry", table 5.6; entries may be larger. */
export const gptEntry = struct('little', 128, {
  partitionType: [0, bytes(16)], // a GUID, zero: unused
  uniqueGuid: [16, bytes(16)],
  startingLba: [32, u64],
  endingLba: [40, u64], // the last one
  attributes: [48, u64],
  name: [56, bytes(72)], // UTF-16, ends at a NUL
});

/** Partition types of GPT. */
export const TYPE_GUID = {
  unused: '00000000-0000-0000-0000-000000000000',
  esp: 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B',
  /** The partition with GRUB's boot code for a BIOS: GRUB manual, "BIOS installation". */
  biosBoot: '21686148-6449-6E6F-744E-656564454649',
} as const;

/**
 * The text form of a GUID. On disk its first three numbers are little-endian: UEFI 2.10, appendix
 * A.
 */
export function guidText(guid: Uint8Array): string {
  const view = viewOf(guid);
  const hex = (value: number | bigint, digits: number) => value.toString(16).padStart(digits, '0');
  const parts = [
    hex(view.getUint32(0, true), 8),
    hex(view.getUint16(4, true), 4),
    hex(view.getUint16(6, true), 4),
    hex(view.getUint16(8), 4),
    hex(view.getBigUint64(8) & 0xffffffffffffn, 12),
  ];
  return parts.join('-').toUpperCase();
}
