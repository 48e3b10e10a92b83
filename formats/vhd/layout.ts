// VHD on disk: the structs, constants and limits that writers and readers share. All numbers are big-endian.
// Specification: Microsoft, Virtual Hard Disk Image Format Specification, version 1.0, 11 October 2006.

import { SECTOR_SIZE } from '../contract.ts';
import { ascii, bytes, struct, u16, u32, u64, u8 } from '../struct.ts';

/** The first bytes of a footer, and so of a dynamic image. */
export const FOOTER_COOKIE = 'conectix';

/** The first bytes of a dynamic disk header. */
export const DYNAMIC_COOKIE = 'cxsparse';

/** The largest disk that Hyper-V and QEMU (VHD_MAX_SECTORS) take, in bytes: 2040 GiB. */
export const MAX_DISK_SIZE = 2040 * 2 ** 30;

/** "Disk Type" of a footer. */
export const FIXED = 2;
export const DYNAMIC = 3;
export const DIFFERENCING = 4;

/** "Features": bit 1 is reserved and always set. */
export const FEATURES = 2;

/** Versions of the footer and of the dynamic disk header: 1.0. */
export const VERSION = 0x0001_0000;

/** "Creator Version" of Hyper-V: 10.0. */
export const CREATOR_VERSION = 0x000a_0000;

/** "Data Offset" where nothing follows. The specification has 32 bits of ones; Microsoft's programs want 64. */
export const NO_OFFSET = 2n ** 64n - 1n;

/** 2000-01-01 UTC, from which "Time Stamp" counts seconds, in seconds since 1970. */
export const EPOCH = 946_684_800;

/** Bytes of the disk in one block of a dynamic image: the specification's default, the only size that Hyper-V writes. */
export const VHD_BLOCK_SIZE = 2 * 2 ** 20;

/** Bytes of the bitmap before a block's data: one bit for each of its sectors, in whole sectors. */
export const BITMAP_SIZE = VHD_BLOCK_SIZE / SECTOR_SIZE / 8;

/** Entries of the block allocation table are 4 bytes: the sector of the image in which a block's bitmap begins. */
export const BAT_ENTRY_SIZE = 4;

/** An entry of a block that is all zeros. */
export const BAT_UNUSED = 0xffff_ffff;

/** Limit of this program: the largest disk in blocks of 128 KiB. */
export const MAX_TABLE_ENTRIES = 2 ** 24;

/** Four of these are the table's entry of a block that is all zeros. */
export const BAT_UNUSED_BYTE = 0xff;

/** "Hard Disk Footer Format". In a dynamic image it is the first sector, too. */
export const footer = struct('big', 512, {
  cookie: [0, ascii(8)],
  features: [8, u32],
  fileFormatVersion: [12, u32],
  dataOffset: [16, u64], // of the dynamic disk header
  timeStamp: [24, u32], // seconds since EPOCH
  creatorApplication: [28, ascii(4)],
  creatorVersion: [32, u32],
  creatorHostOs: [36, ascii(4)],
  originalSize: [40, u64], // bytes
  currentSize: [48, u64], // bytes
  cylinders: [56, u16],
  heads: [58, u8],
  sectorsPerTrack: [59, u8],
  diskType: [60, u32],
  checksum: [64, u32],
  uniqueId: [68, bytes(16)],
  savedState: [84, u8],
  reserved: [85, bytes(427)], // zero
});

/** "Dynamic Disk Header Format". */
export const dynamicHeader = struct('big', 1024, {
  cookie: [0, ascii(8)],
  dataOffset: [8, u64], // NO_OFFSET
  tableOffset: [16, u64], // of the block allocation table
  headerVersion: [24, u32],
  maxTableEntries: [28, u32], // blocks of the disk; 7-Zip takes no more than it needs
  blockSize: [32, u32], // bytes
  checksum: [36, u32],
  parentUniqueId: [40, bytes(16)], // zero, as all that follows: for differencing images
  parentTimeStamp: [56, u32],
  reserved: [60, u32],
  parentUnicodeName: [64, bytes(512)],
  parentLocators: [576, bytes(8 * 24)],
  reservedEnd: [768, bytes(256)],
});

/** "Checksum": the one's complement of the sum of all bytes of a struct whose checksum field is still zero. */
export function checksum(encoded: Uint8Array): number {
  return ~encoded.reduce((sum, byte) => sum + byte, 0) >>> 0;
}
