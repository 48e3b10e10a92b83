// FAT12, FAT16 and FAT32 on disk, in sectors:
//   reserved sectors, the boot sector first
//   file allocation tables
//   root directory    FAT12 and FAT16 only
//   clusters, from number 2 on
// Specification: Microsoft FAT (fatgen103, 2000). All numbers are little-endian.

import { ascii, bytes, struct, u16, u32, u8 } from '../../formats/struct.ts';

/**
 * "Boot Sector and BPB", up to the last field that is needed. From offset 36 on, the fields are
 * those of FAT32; FAT12 and FAT16 have others.
 */
export const bootSector = struct('little', 48, {
  jump: [0, bytes(3)],
  oemName: [3, ascii(8)],
  sectorSize: [11, u16], // bytes
  sectorsPerCluster: [13, u8],
  reservedSectorCount: [14, u16],
  fatCount: [16, u8],
  rootEntryCount: [17, u16],
  sectorCount16: [19, u16], // 0: see sectorCount32
  media: [21, u8],
  fatSectors16: [22, u16], // of one FAT; 0: FAT32
  sectorsPerTrack: [24, u16],
  headCount: [26, u16],
  hiddenSectorCount: [28, u32],
  sectorCount32: [32, u32],
  fatSectors32: [36, u32],
  extendedFlags: [40, u16],
  version: [42, u16],
  rootCluster: [44, u32],
});

/** Valid values of `media` are 0xf0, and 0xf8 and above. */
export const MEDIA_REMOVABLE = 0xf0;
export const MEDIA_FIRST_OTHER = 0xf8;

export const SECTOR_SIZES: readonly number[] = [512, 1024, 2048, 4096];
export const FIRST_CLUSTER = 2;

/** From this many clusters on, a file system without FAT32's fields is FAT16. */
export const FAT16_CLUSTERS = 4085;

/** The bits of an entry in FAT32 that hold the number of a cluster. */
export const FAT32_MASK = 0x0fffffff;

/**
 * "FAT Directory Structure". A long name is in separate entries before this one, all of which have
 * VOLUME_ID set.
 */
export const directoryEntry = struct('little', 32, {
  name: [0, ascii(11)], // 8 and 3, padded with spaces, in capitals
  attributes: [11, u8],
  ntReserved: [12, u8],
  created: [13, bytes(7)],
  firstClusterHigh: [20, u16], // FAT32 only
  written: [22, bytes(4)],
  firstClusterLow: [26, u16],
  size: [28, u32], // bytes
});

export const DIRECTORY = 0x10;
export const VOLUME_ID = 0x08;

/** First byte of the name in a free entry. A first byte of 0 ends the directory. */
export const DELETED = '\xe5';

/** The largest size of a directory, in bytes: 65,536 entries. */
export const MAX_DIRECTORY_SIZE = 2 ** 21;

/**
 * How many clusters of a directory are read. A limit of this program; the smallest clusters, of 512
 * bytes, hold 16 entries.
 */
export const MAX_CHAIN = 256;
