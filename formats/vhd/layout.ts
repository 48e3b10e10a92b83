// VHD on disk: the structs, constants and limits that writers and readers share.
// Specification: Microsoft, Virtual Hard Disk Image Format Specification, version 1.0, 11 October
// 2006. All numbers are big-endian.

import { SECTOR_SIZE } from '../contract.ts';
import { ascii, bytes, type Struct, struct, u16, u32, u64, u8 } from '../struct.ts';

/** The first bytes of a footer, and thus of a dynamic image. */
export const FOOTER_COOKIE = 'conectix';

/** The first bytes of a dynamic disk header. */
export const DYNAMIC_COOKIE = 'cxsparse';

/** The largest disk that Hyper-V and QEMU (VHD_MAX_SECTORS) accept, in bytes: 2040 GiB. */
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

/** "Data Offset" for none. The specification says 32 bits of ones, Microsoft's programs need 64. */
export const NO_OFFSET = 2n ** 64n - 1n;

/** 2000-01-01 UTC, where "Time Stamp" begins, in seconds since 1970. */
export const EPOCH = 946_684_800;

/** The last "Time Stamp", in the year 2136. */
export const MAX_TIME_STAMP = 0xffff_ffff;

/** Bytes of the disk in a block of a dynamic image: the default, and the only size of Hyper-V. */
export const VHD_BLOCK_SIZE = 2 * 2 ** 20;

/** Bytes of the bitmap before the data of such a block: one bit for each of its sectors. */
export const BITMAP_SIZE = VHD_BLOCK_SIZE / SECTOR_SIZE / 8;

/** Blocks of a dynamic image, and entries of its table, by the size of its disk in bytes. */
export function blockCountOf(diskSize: number): number {
  return Math.ceil(diskSize / VHD_BLOCK_SIZE);
}

/** Entries of the block allocation table have 4 bytes: the image sector of a block's bitmap. */
export const BAT_ENTRY_SIZE = 4;

/** The entry of a block that is all zeros, and each of its bytes. */
export const BAT_UNUSED = 0xffff_ffff;
export const BAT_UNUSED_BYTE = 0xff;

/** Limit of this program: the largest disk in blocks of 128 KiB. */
export const MAX_TABLE_ENTRIES = 2 ** 24;

/** "Hard Disk Footer Format": the last sector, and in a dynamic image also the first. */
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
  maxTableEntries: [28, u32], // 7-Zip accepts no more than the disk needs
  blockSize: [32, u32], // bytes
  checksum: [36, u32],
  parentUniqueId: [40, bytes(16)], // zero, as all after it, but in differencing images
  parentTimeStamp: [56, u32],
  reserved: [60, u32],
  parentUnicodeName: [64, bytes(512)],
  parentLocators: [576, bytes(8 * 24)],
  reservedEnd: [768, bytes(256)],
});

/** "Checksum": the one's complement of the sum of the bytes of a struct with the checksum zero. */
export function checksum(encoded: Uint8Array): number {
  return ~encoded.reduce((sum, byte) => sum + byte, 0) >>> 0;
}

/** Encodes a struct with its checksum. */
export function seal<V extends { checksum: number }>(type: Struct<V>, values: V): Uint8Array {
  return type.encode({ ...values, checksum: checksum(type.encode({ ...values, checksum: 0 })) });
}
