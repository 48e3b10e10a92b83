// VDI on disk: the structs, constants and limits that writer and reader share. All numbers are
// little-endian. There is no specification: src/VBox/Storage/VDICore.h and VDI.cpp of VirtualBox
// 7.2 say what it is.

import { ascii, bytes, struct, u32, u64 } from '../struct.ts';

const MIB = 2 ** 20;

/** The text at the start, for people. */
export const TEXT = '<<< Oracle VM VirtualBox Disk Image >>>\n';

/** "u32Signature". */
export const SIGNATURE = 0xbeda_107f;

/** "u32Version": 1.1, the major version in the upper half. */
export const VERSION = 0x0001_0001;

/**
 * "cbHeader" with the geometry at its end, which VirtualBox writes, and the least of any header of
 * version 1.
 */
export const HEADER_SIZE = 0x190;
export const MIN_HEADER_SIZE = 0x180;

/** "u32Type". */
export const DYNAMIC = 1;
export const FIXED = 2;
export const UNDO = 3;
export const DIFFERENCING = 4;

/** "cbBlock" of our images: VirtualBox's own, the only one that QEMU (block/vdi.c) reads. */
export const VDI_BLOCK_SIZE = MIB;

/**
 * Where our images have the map and, after it, the data: multiples of this, as VirtualBox's
 * (VDI_DATA_ALIGN).
 */
export const ALIGNMENT = MIB;

/** Entries of the map are 4 bytes: the block's number among those in the image. */
export const MAP_ENTRY_SIZE = 4;

/** Entries of blocks that the image does not have: never written, and written as zeros. */
export const FREE = 0xffff_ffff;
export const ZERO = 0xffff_fffe;

/** Four of these are the entry of a block that was never written. */
export const FREE_BYTE = 0xff;

/**
 * Limit of this program: a disk of 64 TiB, whose map has 256 MiB. VirtualBox's and QEMU's own are
 * beyond that.
 */
export const MAX_BLOCKS = 2 ** 26;
export const MAX_DISK_SIZE = MAX_BLOCKS * VDI_BLOCK_SIZE;

const geometry = struct('little', 16, {
  cylinders: [0, u32],
  heads: [4, u32],
  sectors: [8, u32],
  sectorSize: [12, u32], // bytes
});

/**
 * What a disk without a geometry has for one. VirtualBox then chooses it; QEMU and VirtualBox ask
 * for the sector size.
 */
export const NO_GEOMETRY = geometry.encode({ cylinders: 0, heads: 0, sectors: 0, sectorSize: 512 });

/** "VDIPREHEADER" and "VDIHEADER1PLUS". */
export const header = struct('little', 512, {
  text: [0, ascii(64)],
  signature: [64, u32],
  version: [68, u32],
  headerSize: [72, u32], // from here on
  type: [76, u32],
  flags: [80, u32], // 1: blocks of zeros are to be filled
  comment: [84, bytes(256)],
  mapOffset: [340, u32],
  dataOffset: [344, u32],
  legacyGeometry: [348, bytes(16)],
  unused: [364, u32],
  diskSize: [368, u64], // bytes
  blockSize: [376, u32], // bytes
  blockExtra: [380, u32], // bytes before the data of each block: none
  blockCount: [384, u32], // of the disk
  allocatedCount: [388, u32], // blocks in the image
  uuidCreate: [392, bytes(16)],
  uuidModify: [408, bytes(16)], // changes with each write of VirtualBox; children name it
  uuidLinkage: [424, bytes(16)], // the parent's uuidCreate; zero without one
  uuidParentModify: [440, bytes(16)], // the parent's uuidModify
  geometry: [456, bytes(16)],
  reserved: [472, bytes(40)], // zero
});
