// VMA on disk: the structs, constants and limits that writer and reader share. All numbers are
// big-endian, except the lengths of blobs.
// Specification: Proxmox, pve-qemu, vma_spec.txt, and where it is silent vma.h and vma-reader.c.

import { ascii, bytes, struct, u16, u32, u64 } from '../struct.ts';

export const MAGIC = 'VMA';
export const EXTENT_MAGIC = 'VMAE';
export const VERSION = 1;

/** What a file begins with: the magic number ends with a NUL. */
export const BEGIN = [0x56, 0x4d, 0x41, 0x00];

/** The unit in which zeros are left out, in bytes. */
export const PAGE_SIZE = 4096;

/** The unit in which a device is stored, in bytes; a mask has a bit for each page of it. */
export const CLUSTER_SIZE = 16 * PAGE_SIZE;

/** The mask of a cluster of which every page is stored. */
export const ALL_PAGES = 0xffff;

/** The most clusters of an extent. */
export const EXTENT_CLUSTERS = 59;

/** Size of a cluster's entry in the header of an extent, in bytes. */
export const ENTRY_SIZE = 8;

/** Devices are numbered from 1: an entry for device 0 is not in use. */
export const DEVICE_COUNT = 256;

/** The most files in the header. */
export const CONFIG_COUNT = 256;

/** The header and its buffer of blobs are whole sectors. */
export const HEADER_UNIT = 512;

/** The blob at 0 is none, so that the first one is at this offset of the buffer. */
export const FIRST_BLOB = 1;

/** A blob begins with its length: 2 bytes, little-endian. */
export const BLOB_HEAD = 2;
export const MAX_BLOB = 65_535;

/** Limit of this program, on all devices together: 64 TiB. The format counts in 32 bits. */
export const MAX_CLUSTERS = 2 ** 30;

/** "VmaDeviceInfoHeader". */
export const device = struct('big', 32, {
  name: [0, u32], // offset of a blob with a NUL at its end
  reserved: [4, u32], // zero
  size: [8, u64], // bytes
  reserved1: [16, u64], // zero
  reserved2: [24, u64], // zero
});

/** Where the MD5 lies in the header, and its end: it counts as zeros. */
export const HEADER_MD5 = [32, 48] as const;

/** "VmaHeader", without the buffer of blobs that follows it. */
export const header = struct('big', 12_288, {
  magic: [0, ascii(4)],
  version: [4, u32],
  uuid: [8, bytes(16)],
  createdAt: [24, u64], // seconds since 1970, UTC
  md5: [HEADER_MD5[0], bytes(16)], // of the header and the blobs
  blobsOffset: [48, u32], // of the buffer, in the file
  blobsSize: [52, u32], // bytes
  size: [56, u32], // of the header with the blobs, in bytes
  reserved: [60, bytes(1984)], // zero
  configNames: [2044, bytes(4 * CONFIG_COUNT)], // u32: offsets of blobs, like those of devices
  configData: [3068, bytes(4 * CONFIG_COUNT)], // u32: offsets of blobs
  reserved1: [4092, u32], // zero
  devices: [4096, bytes(32 * DEVICE_COUNT)], // by their number
});

/** The same of an extent's MD5, which is that of its header alone. */
export const EXTENT_MD5 = [24, 40] as const;

/** Where the entries begin in the header of an extent. */
export const ENTRIES_AT = 40;

/** "VmaExtentHeader". The stored pages of its clusters follow, in their order. */
export const extent = struct('big', 512, {
  magic: [0, ascii(4)],
  reserved: [4, u16], // zero
  pageCount: [6, u16], // stored in this extent: "block_count"
  uuid: [8, bytes(16)], // that of the header
  md5: [EXTENT_MD5[0], bytes(16)],
  entries: [ENTRIES_AT, bytes(ENTRY_SIZE * EXTENT_CLUSTERS)],
});

/**
 * A cluster in the header of an extent: "blockinfo". A TiB has 16 million of them, so that their
 * fields are read and written in place.
 */
export const entry = {
  mask: 0, // u16; bit n: page n is stored; else it is zeros
  deviceId: 3, // u8, after a reserved one
  cluster: 4, // u32, its number on the device
} as const;
