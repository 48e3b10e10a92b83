// QCOW2 on disk: the structs, constants and limits that the writer and the reader share.
// Specification: QEMU, docs/interop/qcow2. All numbers are big-endian.

import { ascii, bytes, struct, u16, u32, u64, u8 } from '../struct.ts';

/** 'Q' 'F' 'I' 0xfb */
export const MAGIC = 0x514649fb;

/** Cluster size of the images written here, and QEMU's default. */
export const CLUSTER_BITS = 16;
export const CLUSTER_SIZE = 2 ** CLUSTER_BITS;

/** Refcounts are 2 ** REFCOUNT_ORDER bits wide: 16. */
export const REFCOUNT_ORDER = 4;
export const REFCOUNTS_PER_BLOCK = CLUSTER_SIZE / 2;

/** Entries of the L1, L2 and refcount tables are 8 bytes. */
export const ENTRY_SIZE = 8;
export const L2_ENTRIES = CLUSTER_SIZE / ENTRY_SIZE;

/** Bytes of the disk that one L2 table maps: 512 MiB. */
export const L2_SPAN = L2_ENTRIES * CLUSTER_SIZE;

/** The largest L1 table that QEMU opens (QCOW_MAX_L1_SIZE), in bytes. */
export const MAX_L1_SIZE = 32 * 2 ** 20;

/** In an L1 entry or a standard L2 entry: the cluster's refcount is exactly one. */
export const COPIED = 1n << 63n;

/** In an L2 entry: the rest is a compressed cluster descriptor. */
export const COMPRESSED = 1n << 62n;

/** Compressed data is counted in these units, whatever the cluster size. */
export const COMPRESSED_SECTOR = 512;

/** Compressed cluster descriptor: below this bit the image offset, from it to bit 61 the additional sectors. */
export function compressedOffsetBits(clusterBits: number): number {
  return 62 - (clusterBits - 8);
}

// The high half of an L1 entry, an L2 entry or a refcount table entry, and its low half, as 32-bit numbers: bigint
// arithmetic would take longer than all else that is done with an entry.
export const COPIED_HIGH = 0x8000_0000;
export const COMPRESSED_HIGH = 0x4000_0000;
/** Bits 32 to 55 of an image offset. */
export const OFFSET_HIGH = 0x00ff_ffff;
/** Bits 9 to 31 of an image offset. */
export const OFFSET_LOW = 0xffff_fe00;
/** In a standard L2 entry: the cluster reads as zeros. Not in version 2 and not with extended L2 entries. */
export const ZERO_LOW = 1;

/** Cluster sizes that QEMU opens: 512 bytes to 2 MiB. */
export const MIN_CLUSTER_BITS = 9;
export const MAX_CLUSTER_BITS = 21;

/** Refcounts are at most 64 bits wide. */
export const MAX_REFCOUNT_ORDER = 6;

/** The largest refcount table that QEMU opens (QCOW_MAX_REFTABLE_SIZE), in bytes. */
export const MAX_REFCOUNT_TABLE_SIZE = 8 * 2 ** 20;

/** The most snapshots of an image that QEMU opens (QCOW_MAX_SNAPSHOTS). */
export const MAX_SNAPSHOTS = 65_536;

/** With extended L2 entries a cluster has that many subclusters. */
export const SUBCLUSTERS = 32;

/** "Header", version 3, without the optional fields after `headerLength`. */
export const header = struct('big', 104, {
  magic: [0, u32],
  version: [4, u32],
  backingFileOffset: [8, u64], // 0: none
  backingFileSize: [16, u32],
  clusterBits: [20, u32],
  size: [24, u64], // bytes
  cryptMethod: [32, u32], // 0: none
  l1Size: [36, u32], // entries
  l1TableOffset: [40, u64],
  refcountTableOffset: [48, u64],
  refcountTableClusters: [56, u32],
  snapshotCount: [60, u32],
  snapshotsOffset: [64, u64],
  incompatibleFeatures: [72, u64],
  compatibleFeatures: [80, u64],
  autoclearFeatures: [88, u64],
  refcountOrder: [96, u32],
  headerLength: [100, u32],
});

/** "Additional fields" of a header whose `headerLength` is 112; zlib compression needs none. */
export const additionalFields = struct('big', 8, {
  compressionType: [0, u8],
  padding: [1, bytes(7)], // zero
});
export const COMPRESSION_TYPE_ZSTD = 1;

/** "Header extensions": each is this, then `length` bytes, padded to a multiple of 8. */
export const extension = struct('big', 8, {
  type: [0, u32],
  length: [4, u32],
});
export const END_OF_EXTENSIONS = 0;
export const BACKING_FORMAT = 0xe2792aca;
export const BITMAPS = 0x23852875;
export const DATA_FILE = 0x44415441;
export const FEATURE_NAME_TABLE = 0x6803f857;

/** "Feature name table": lets an older program name the feature that it lacks. */
export const featureName = struct('big', 48, {
  kind: [0, u8],
  bit: [1, u8],
  name: [2, ascii(46)],
});

export const INCOMPATIBLE = 0;
export const COMPATIBLE = 1;
export const AUTOCLEAR = 2;

// Bits of `incompatibleFeatures`.
export const DIRTY = 1n << 0n;
export const CORRUPT = 1n << 1n;
export const EXTERNAL_DATA = 1n << 2n;
export const COMPRESSION_TYPE = 1n << 3n; // it is another than zlib, which is 0
export const EXTENDED_L2 = 1n << 4n;
/** Bit of `compatibleFeatures`. */
export const LAZY_REFCOUNTS = 1n << 0n;
/** Bit of `autoclearFeatures`: the bitmaps are as the disk is. */
export const BITMAPS_VALID = 1n << 0n;

/** Every feature bit of the specification, set or not: a later program may set it in this image. */
export const FEATURE_NAMES = [
  { kind: INCOMPATIBLE, bit: 0, name: 'dirty bit' },
  { kind: INCOMPATIBLE, bit: 1, name: 'corrupt bit' },
  { kind: INCOMPATIBLE, bit: 2, name: 'external data file' },
  { kind: INCOMPATIBLE, bit: 3, name: 'compression type' },
  { kind: INCOMPATIBLE, bit: 4, name: 'extended L2 entries' },
  { kind: COMPATIBLE, bit: 0, name: 'lazy refcounts' },
  { kind: AUTOCLEAR, bit: 0, name: 'bitmaps' },
  { kind: AUTOCLEAR, bit: 1, name: 'raw external data' },
];

/** What an image of version 2 has in place of the fields that it lacks. */
export const VERSION_2_SIZE = 72;

/** "Snapshot table entry"; after it `extraSize`, `idSize` and `nameSize` bytes, padded to a multiple of 8. */
export const snapshot = struct('big', 40, {
  l1TableOffset: [0, u64],
  l1Size: [8, u32], // entries
  idSize: [12, u16],
  nameSize: [14, u16],
  seconds: [16, u32], // since 1970
  nanoseconds: [20, u32],
  guestClock: [24, u64],
  vmStateSize: [32, u32],
  extraSize: [36, u32],
});

/** "Bitmaps extension". */
export const bitmaps = struct('big', 24, {
  count: [0, u32],
  reserved: [4, u32],
  directorySize: [8, u64], // bytes
  directoryOffset: [16, u64],
});

/** "Bitmap directory entry"; after it `extraSize` and `nameSize` bytes, padded to a multiple of 8. */
export const bitmap = struct('big', 24, {
  tableOffset: [0, u64],
  tableSize: [8, u32], // entries
  flags: [12, u32],
  type: [16, u8],
  granularityBits: [17, u8],
  nameSize: [18, u16],
  extraSize: [20, u32],
});
