// QCOW2 on disk: the structs, constants and limits that writers and readers share.
// Specification: QEMU, docs/interop/qcow2. All numbers are big-endian.

import { ascii, bytes, struct, u16, u32, u64, u8 } from '../struct.ts';

/** 'Q' 'F' 'I' 0xfb */
export const MAGIC = 0x514649fb;

/** Cluster size of the images written here, and QEMU's default. */
export const CLUSTER_BITS = 16;
export const CLUSTER_SIZE = 2 ** CLUSTER_BITS;

/** Refcounts are 2 ** REFCOUNT_ORDER bits wide: 16. */
export const REFCOUNT_ORDER = 4;
/** Bytes of a refcount. */
export const REFCOUNT_SIZE = 2 ** REFCOUNT_ORDER / 8;

/** Entries of the L1, L2 and refcount tables have 8 bytes. */
export const ENTRY_SIZE = 8;

/** Bytes of the disk that one L2 table of the images written here maps: 512 MiB. */
export const L2_SPAN = (CLUSTER_SIZE / ENTRY_SIZE) * CLUSTER_SIZE;

/** The largest L1 table that QEMU opens (QCOW_MAX_L1_SIZE), in bytes. */
export const MAX_L1_SIZE = 32 * 2 ** 20;

/** The specification's limit on the name of a backing file, in bytes. */
export const MAX_BACKING_NAME = 1023;

/** In an L1 entry or a standard L2 entry: the refcount of the cluster is exactly one. */
export const COPIED = 1n << 63n;

/** In an L2 entry: the rest is a compressed cluster descriptor. */
export const COMPRESSED = 1n << 62n;

/** In a standard L2 entry: the cluster reads as zeros and hides the backing file. */
export const ALL_ZEROS = 1n;

/** The unit that compressed data is counted in, whatever the cluster size. */
export const COMPRESSED_SECTOR = 512;

/**
 * In a compressed cluster descriptor: the bits below this one are the image offset, those from it
 * to 61 the number of additional sectors.
 */
export function compressedOffsetBits(clusterBits: number): number {
  return 62 - (clusterBits - 8);
}

// Bits of the high and of the low half of an entry, as numbers of 32 bits: bigint arithmetic would
// take longer than all else that is done with an entry.
export const COPIED_HIGH = 0x8000_0000;
export const COMPRESSED_HIGH = 0x4000_0000;
/** Bits 32 to 55 of an image offset. */
export const OFFSET_HIGH = 0x00ff_ffff;
/** Bits 9 to 31 of an image offset. */
export const OFFSET_LOW = 0xffff_fe00;
/** Bits 0 to 8, which are reserved in an L1 entry and in an entry of the refcount table. */
export const RESERVED_LOW = 0x1ff;
/** ALL_ZEROS; neither in version 2 nor in extended L2 entries. */
export const ZERO_LOW = 1;

/** Cluster sizes that QEMU opens: 512 bytes to 2 MiB. */
export const MIN_CLUSTER_BITS = 9;
export const MAX_CLUSTER_BITS = 21;
/**
 * With extended L2 entries a subcluster is at least a sector (QCOW_EXTL2_SUBCLUSTERS_PER_CLUSTER).
 */
export const MIN_EXTENDED_CLUSTER_BITS = 14;

/** Refcounts are at most 64 bits wide. */
export const MAX_REFCOUNT_ORDER = 6;

/** The largest refcount table that QEMU opens (QCOW_MAX_REFTABLE_SIZE), in bytes. */
export const MAX_REFCOUNT_TABLE_SIZE = 8 * 2 ** 20;

/** The largest dirty bitmap that QEMU opens (BME_MAX_PHYS_SIZE), in bytes. */
export const MAX_BITMAP_SIZE = 512 * 2 ** 20;

/** The most dirty bitmaps with which QEMU opens an image (QCOW2_MAX_BITMAPS). */
export const MAX_BITMAPS = 65_535;

/** The most snapshots with which QEMU opens an image (QCOW_MAX_SNAPSHOTS). */
export const MAX_SNAPSHOTS = 65_536;

/** Subclusters of a cluster with extended L2 entries. */
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

/** Bytes of the header in version 2, which ends before `incompatibleFeatures`. */
export const VERSION_2_SIZE = 72;

/** "Additional fields" of a header whose `headerLength` is 112; zlib does not need them. */
export const additionalFields = struct('big', 8, {
  compressionType: [0, u8],
  padding: [1, bytes(7)], // zero
});
export const COMPRESSION_TYPE_ZSTD = 1;

/** "Header extensions": each is this and `length` bytes, padded to a multiple of 8. */
export const extension = struct('big', 8, {
  type: [0, u32],
  length: [4, u32],
});
export const END_OF_EXTENSIONS = 0;
export const BACKING_FORMAT = 0xe2792aca;
export const BITMAPS = 0x23852875;
export const DATA_FILE = 0x44415441;
export const FEATURE_NAME_TABLE = 0x6803f857;
/**
 * This program's own, which others skip: the guid of the ZFS snapshot whose disk the image holds,
 * 8 bytes. Spells "kzfs".
 */
export const SNAPSHOT_GUID = 0x6b7a6673;

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
export const COMPRESSION_TYPE = 1n << 3n; // the type is not 0, zlib
export const EXTENDED_L2 = 1n << 4n;
/** Bit of `compatibleFeatures`. */
export const LAZY_REFCOUNTS = 1n << 0n;
/** Bit of `autoclearFeatures`: the bitmaps are up to date. */
export const BITMAPS_VALID = 1n << 0n;

/** All feature bits of the specification: a later program may set any of them in an image. */
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

/** "Snapshot table entry"; then `extraSize`, `idSize` and `nameSize` bytes, padded to 8. */
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

/** Its "extra data", as far as it is used. */
export const snapshotExtra = struct('big', 16, {
  vmStateSize: [0, u64],
  diskSize: [8, u64], // bytes
});

/** "Bitmaps extension". */
export const bitmaps = struct('big', 24, {
  count: [0, u32],
  reserved: [4, u32],
  directorySize: [8, u64], // bytes
  directoryOffset: [16, u64],
});

/** "Bitmap directory entry"; then `extraSize` and `nameSize` bytes, padded to 8. */
export const bitmap = struct('big', 24, {
  tableOffset: [0, u64],
  tableSize: [8, u32], // entries
  flags: [12, u32],
  type: [16, u8],
  granularityBits: [17, u8],
  nameSize: [18, u16],
  extraSize: [20, u32],
});
