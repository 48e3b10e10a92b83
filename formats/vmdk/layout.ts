// A sparse VMDK on disk: the structs, constants and limits that the writer and the reader share.
// Specification: VMware, Virtual Disk Format 1.1 and 5.0, "Hosted Sparse Extents" and
// "Stream-Optimized Compressed Sparse Extents". All numbers are little-endian; offsets and lengths
// are in sectors. In this folder an extent is VMware's: a part of the disk, with its own file or
// format. An image extent is that of the contract.

import { BLOCK_SIZE, SECTOR_SIZE } from '../contract.ts';
import { struct, u16, u32, u64, u8 } from '../struct.ts';

/** 'K' 'D' 'M' 'V' */
export const MAGIC = 0x564d444b;

/** The first bytes of ESXi's own sparse extents: "COWD", and the constant header of SEsparse. */
export const COWD_MAGIC = 0x44574f43;
export const SESPARSE_MAGIC = 0xcafe_babe;

/** The parentCID of an image without a parent. */
export const NO_PARENT = 'ffffffff';

/** VMware products refuse compressed grains in lower versions ("sparse VMDK version too old"). */
export const VERSION = 3;

/** Header flags. */
export const HAS_NEWLINE_TEST = 1 << 0;
export const HAS_REDUNDANT_DIRECTORY = 1 << 1;
/** ZEROED_GRAIN in a table is a grain of zeros, which hides that of a parent. */
export const HAS_ZEROED_GRAINS = 1 << 2;
export const IS_COMPRESSED = 1 << 16;
export const HAS_MARKERS = 1 << 17;

/** The flags of a streamOptimized image. */
export const FLAGS = HAS_NEWLINE_TEST | IS_COMPRESSED | HAS_MARKERS;

/** A table entry; see HAS_ZEROED_GRAINS. */
export const ZEROED_GRAIN = 1;

/** `compressAlgorithm`: called deflate, but each grain is a whole zlib stream (RFC 1950). */
export const DEFLATE = 1;

/** `gdOffset` of a header that leaves it to the footer. */
export const GD_AT_END = 0xffff_ffff_ffff_ffffn;

/** The four bytes of the newline test: a transfer as text would change them. */
export const NEWLINE_TEST = {
  singleEndLineChar: 0x0a,
  nonEndLineChar: 0x20,
  doubleEndLineChar1: 0x0d,
  doubleEndLineChar2: 0x0a,
};

/** A grain of the images written here is 64 KiB of the disk. */
export const GRAIN_SECTORS = BLOCK_SIZE / SECTOR_SIZE;

/** Entries of grain tables and of the directory are sector numbers of 4 bytes; 0 means zeros. */
export const ENTRY_SIZE = 4;

/** The last sector that an entry can refer to: grains and tables end with the first 2 TiB. */
export const MAX_SECTOR = 2 ** 32 - 1;

/** Grains of one table: the only number that QEMU and 7-Zip accept. */
export const TABLE_GRAINS = 512;
export const TABLE_SIZE = TABLE_GRAINS * ENTRY_SIZE;

/** The only place where QEMU and oslo.utils look for the descriptor. */
export const DESCRIPTOR_SECTOR = 1;

/** Room for the descriptor: other programs add lines to it (VirtualBox its uuids). */
export const DESCRIPTOR_SECTORS = 20;

/** `overHead`: the first grain or marker is at a multiple of the grain, as in VirtualBox. */
export const OVERHEAD_SECTORS = GRAIN_SECTORS;

/** "SparseExtentHeader", the first sector and the footer, padded with zeros to a sector. */
export const header = struct('little', 79, {
  magic: [0, u32],
  version: [4, u32],
  flags: [8, u32],
  capacity: [12, u64], // sectors of the disk
  grainSize: [20, u64], // sectors
  descriptorOffset: [28, u64],
  descriptorSize: [36, u64], // sectors
  numGTEsPerGT: [44, u32],
  rgdOffset: [48, u64], // 0: no redundant directory
  gdOffset: [56, u64],
  overHead: [64, u64],
  uncleanShutdown: [72, u8], // 0: it was closed
  singleEndLineChar: [73, u8],
  nonEndLineChar: [74, u8],
  doubleEndLineChar1: [75, u8],
  doubleEndLineChar2: [76, u8],
  compressAlgorithm: [77, u16],
});

/** "Compressed grain": this and the zlib stream, padded with zeros to a sector. */
export const grainMarker = struct('little', 12, {
  lba: [0, u64], // first sector of the grain on the disk
  size: [8, u32], // bytes of the zlib stream
});

/** "Markers" in front of metadata, padded with zeros to a sector. */
export const marker = struct('little', 16, {
  sectorCount: [0, u64], // sectors of metadata
  size: [8, u32], // 0: it is not a grain
  type: [12, u32],
});

/**
 * Types of markers. The type of the end of the stream is 0, so that marker is a sector of zeros.
 */
export const GRAIN_TABLE = 1;
export const GRAIN_DIRECTORY = 2;
export const FOOTER = 3;

/**
 * The longest zlib stream that open-vmdk and VirtualBox read, in bytes: 66,036, so that marker and
 * stream fit into 129 sectors.
 */
export const MAX_COMPRESSED_GRAIN = (GRAIN_SECTORS + 1) * SECTOR_SIZE - grainMarker.size;

/** Limit of this program on the entries of a table. QEMU's is 512. */
export const MAX_TABLE_GRAINS = 2 ** 16;

/** Limit of this program on the tables of an image: the largest disk in grains of 64 KiB. */
export const MAX_TABLES = 2 ** 23;

/** Limit of this program, in bytes. QEMU reads at most 20 KiB, VMware's descriptors have 10. */
export const MAX_DESCRIPTOR_SIZE = 2 ** 20;

/**
 * In bytes: 256 TiB. An entry has no more values than that many grains, and open-vmdk counts them
 * in 32 bits. VMware's limit is 62 TB; QEMU, 7-Zip and the fields of the header can hold more.
 */
export const MAX_DISK_SIZE = 2 ** 32 * BLOCK_SIZE;
