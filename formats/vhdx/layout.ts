// VHDX on disk: the structs, constants and limits that writer and reader share. All numbers are
// little-endian. Specification: Microsoft, [MS-VHDX] Virtual Hard Disk v2 (VHDX) File Format,
// version of 23 April 2024.

import { ascii, bytes, struct, u16, u32, u64, viewOf } from '../struct.ts';
import { crc32c } from '../crc32c.ts';

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** Log, regions and blocks begin at multiples of this. The first of them is the header section. */
export const ALIGNMENT = MIB;

/** The first bytes of an image. */
export const FILE_SIGNATURE = 'vhdxfile';

/** Image offsets of the two headers and of the two copies of the region table. */
export const HEADER_OFFSETS = [64 * KIB, 128 * KIB] as const;
export const REGION_TABLE_OFFSETS = [192 * KIB, 256 * KIB] as const;

/** Bytes of a region table, entries that it does not use among them; the checksum is over all. */
export const REGION_TABLE_SIZE = 64 * KIB;

/** Bytes of the table of metadata items; the items follow it. */
export const METADATA_TABLE_SIZE = 64 * KIB;

/** "EntryCount" of both tables. */
export const MAX_TABLE_ENTRIES = 2047;

/** Of a metadata item, in bytes. */
export const MAX_ITEM_LENGTH = MIB;

/** "VirtualDiskSize" is at most this, in bytes. */
export const MAX_DISK_SIZE = 64 * 2 ** 40;

/** "BlockSize" is a power of two from the first to the last. */
export const MIN_BLOCK_SIZE = MIB;
export const MAX_BLOCK_SIZE = 256 * MIB;

/** "LogicalSectorSize" and "PhysicalSectorSize" are one of these. */
export const SECTOR_SIZES: readonly number[] = [512, 4096];

/** Sectors of the disk whose bits are in one sector bitmap block. */
export const SECTORS_PER_BITMAP = 2 ** 23;

/** Bytes of a sector bitmap block. */
export const BITMAP_SIZE = SECTORS_PER_BITMAP / 8;

/** "Flags" of a metadata item. */
export const IS_USER = 1;
export const IS_VIRTUAL_DISK = 2;
export const IS_REQUIRED = 4;

/** Bits of "File Parameters". */
export const LEAVE_BLOCKS_ALLOCATED = 1; // fixed
export const HAS_PARENT = 2; // differencing

/**
 * An entry of the block allocation table is 8 bytes: the state, and the image offset in MiB from
 * bit 20 on.
 */
export const BAT_ENTRY_SIZE = 8;

/** "Payload BAT Entry States", bits 0 to 2. */
export const NOT_PRESENT = 0;
export const UNDEFINED = 1;
export const ZERO = 2;
export const UNMAPPED = 3;
export const UNMAPPED_DRAFT = 5; // of version 0.95 of the specification
export const FULLY_PRESENT = 6;
export const PARTIALLY_PRESENT = 7; // differencing only

/** "Sector Bitmap BAT Entry States": NOT_PRESENT, or this. */
export const BITMAP_PRESENT = 6;

/** The unit of the log, in bytes. */
export const LOG_SECTOR_SIZE = 4 * KIB;

export const HEADER_SIGNATURE = 'head';
export const REGION_SIGNATURE = 'regi';
export const METADATA_SIGNATURE = 'metadata';
export const LOG_ENTRY_SIGNATURE = 'loge';
export const ZERO_DESCRIPTOR_SIGNATURE = 'zero';
export const DATA_DESCRIPTOR_SIGNATURE = 'desc';
export const DATA_SECTOR_SIGNATURE = 'data';

/** Regions and metadata items by their GUIDs, as people write them. */
export const BAT_REGION = '2dc27766-f623-4200-9d64-115e9bfd4a08';
export const METADATA_REGION = '8b7ca206-4790-4b9a-b8fe-575f050f886e';
export const FILE_PARAMETERS = 'caa16737-fa36-4d43-b3b6-33f0aa44e76b';
export const VIRTUAL_DISK_SIZE = '2fa54224-cd1b-4876-b211-5dbed83bf4b8';
export const VIRTUAL_DISK_ID = 'beca12ab-b2e6-4523-93ef-c309e000c746';
export const LOGICAL_SECTOR_SIZE = '8141bf1d-a96f-4709-ba47-f233a8faab5f';
export const PHYSICAL_SECTOR_SIZE = 'cda348c7-445d-4471-9cc9-e9885251c556';
export const PARENT_LOCATOR = 'a8d35f2d-b30b-454d-abf7-d3d84834ab0c';

/** "LocatorType" of a parent that is a VHDX too. */
export const VHDX_LOCATOR = 'b04aefb7-d19e-4a81-b789-25b8e9445913';

/** "File Type Identifier". */
export const fileIdentifier = struct('little', 520, {
  signature: [0, ascii(8)],
  creator: [8, bytes(512)], // UTF-16; of no consequence
});

/** "Headers": of the two the one with the greater sequence number counts. */
export const header = struct('little', 4096, {
  signature: [0, ascii(4)],
  checksum: [4, u32],
  sequenceNumber: [8, u64],
  fileWriteGuid: [16, bytes(16)],
  dataWriteGuid: [32, bytes(16)], // what a differencing image knows its parent by
  logGuid: [48, bytes(16)], // zero: nothing to replay
  logVersion: [64, u16], // 0
  version: [66, u16], // 1
  logLength: [68, u32],
  logOffset: [72, u64],
  reserved: [80, bytes(4016)], // zero
});

/** "Region Table Header". */
export const regionTable = struct('little', 16, {
  signature: [0, ascii(4)],
  checksum: [4, u32],
  entryCount: [8, u32],
  reserved: [12, u32], // zero
});

/** "Region Table Entry". */
export const regionEntry = struct('little', 32, {
  guid: [0, bytes(16)],
  imageOffset: [16, u64],
  length: [24, u32],
  required: [28, u32],
});

/** "Metadata Table Header". */
export const metadataTable = struct('little', 32, {
  signature: [0, ascii(8)],
  reserved: [8, u16], // zero
  entryCount: [10, u16],
  reservedEnd: [12, bytes(20)], // zero
});

/** "Metadata Table Entry". */
export const metadataEntry = struct('little', 32, {
  itemId: [0, bytes(16)],
  offset: [16, u32], // in the region
  length: [20, u32],
  flags: [24, u32],
  reserved: [28, u32], // zero
});

/** "File Parameters". */
export const fileParameters = struct('little', 8, {
  blockSize: [0, u32],
  flags: [4, u32],
});

/** "Parent Locator Header". */
export const parentLocator = struct('little', 20, {
  locatorType: [0, bytes(16)],
  reserved: [16, u16], // zero
  keyValueCount: [18, u16],
});

/**
 * "Parent Locator Entry": offsets in the metadata item, lengths in bytes of UTF-16, little-endian.
 */
export const parentLocatorEntry = struct('little', 12, {
  keyOffset: [0, u32],
  valueOffset: [4, u32],
  keyLength: [8, u16],
  valueLength: [10, u16],
});

/** "Entry Header" of the log. */
export const logEntryHeader = struct('little', 64, {
  signature: [0, ascii(4)],
  checksum: [4, u32], // over the whole entry
  entryLength: [8, u32],
  tail: [12, u32], // log offset of the oldest entry to be replayed with this one
  sequenceNumber: [16, u64],
  descriptorCount: [24, u32],
  reserved: [28, u32], // zero
  logGuid: [32, bytes(16)],
  flushedFileOffset: [48, u64], // a file that is smaller was cut off
  lastFileOffset: [56, u64], // the file is extended to this
});

/** "Zero Descriptor". */
export const zeroDescriptor = struct('little', 32, {
  signature: [0, ascii(4)],
  reserved: [4, u32], // zero
  zeroLength: [8, u64],
  imageOffset: [16, u64],
  sequenceNumber: [24, u64],
});

/** "Data Descriptor", of one sector. */
export const dataDescriptor = struct('little', 32, {
  signature: [0, ascii(4)],
  trailingBytes: [4, bytes(4)], // the sector's last
  leadingBytes: [8, bytes(8)], // the sector's first
  imageOffset: [16, u64],
  sequenceNumber: [24, u64],
});

/** "Data Sector": the sector's bytes 8 to 4091. */
export const dataSector = struct('little', LOG_SECTOR_SIZE, {
  signature: [0, ascii(4)],
  sequenceHigh: [4, u32],
  data: [8, bytes(4084)],
  sequenceLow: [4092, u32],
});

/** Offset of the checksum in every struct that has one. */
const CHECKSUM_OFFSET = 4;

/**
 * The CRC-32C that a struct must have, counted with its checksum field as zero, as all of VHDX is.
 */
export function checksumOf(encoded: Uint8Array): number {
  const open = new Uint8Array(encoded); // `slice` of Node's buffers does not copy
  viewOf(open).setUint32(CHECKSUM_OFFSET, 0, true);
  return crc32c(open);
}

/** Puts the checksum into a struct. Returns the struct. */
export function seal(encoded: Uint8Array): Uint8Array {
  viewOf(encoded).setUint32(CHECKSUM_OFFSET, checksumOf(encoded), true);
  return encoded;
}

/**
 * The blocks of the disk that share one sector bitmap block: so many entries of the table, then one
 * of a bitmap.
 */
export function chunkRatio(blockSize: number, logicalSectorSize: number): number {
  return (SECTORS_PER_BITMAP * logicalSectorSize) / blockSize;
}

/**
 * "BlockSize" of our images. Of the sizes allowed the smallest: an ext4 of 20 GiB with 1.2 GiB of
 * files takes 1197 MiB in blocks of 1 MiB, 1230 in 2, 1392 in 8 and 1888 in 32, Hyper-V's default;
 * Microsoft advises 1 for Linux.
 */
export const VHDX_BLOCK_SIZE = MIB;

/**
 * "LogicalSectorSize" of our images, and "PhysicalSectorSize", as Hyper-V makes them: no guest then
 * writes half a page.
 */
export const LOGICAL_SECTOR_BYTES = 512;
export const PHYSICAL_SECTOR_BYTES = 4096;

/** Where our images have the log. QEMU (block/vhdx.c) refuses an image without one. */
export const LOG = { offset: MIB, length: MIB };

/** Where our images have the metadata region, and where what follows it begins. Hyper-V's order. */
export const METADATA = { offset: 2 * MIB, length: MIB };
export const FRONT_SIZE = 3 * MIB;

/** Entries of the table for that many blocks of the disk, up to the entry of the last one. */
export function batEntryCount(blockCount: number, ratio: number): number {
  return blockCount === 0 ? 0 : blockCount + Math.floor((blockCount - 1) / ratio);
}
