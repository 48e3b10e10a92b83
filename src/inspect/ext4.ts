import { bytes, struct, u16, u32 } from '../../formats/struct.ts';

const SUPERBLOCK_AT = 1024;
const MAGIC = 0xef53;

/**
 * The superblock of ext2, ext3 and ext4, up to the last field that is needed;
 * Documentation/filesystems/ext4, "Super Block".
 */
const superblock = struct('little', 340, {
  inodes: [0, u32],
  blocksLow: [4, u32],
  counts: [8, bytes(16)],
  logBlockSize: [24, u32], // of 1 KiB
  groups: [28, bytes(28)],
  magic: [56, u16],
  state: [58, bytes(34)],
  compatible: [92, u32],
  incompatible: [96, u32],
  readOnlyCompatible: [100, u32],
  names: [104, bytes(232)],
  blocksHigh: [336, u32], // only with the feature 64BIT
});

/** The superblock in the first 2 KiB of a file system; undefined if it is none of these. */
export function extSuperblock(head: Uint8Array) {
  const found = superblock.decode(head.subarray(SUPERBLOCK_AT));
  return found.magic === MAGIC ? found : undefined;
}
