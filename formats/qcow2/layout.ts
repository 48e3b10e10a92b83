// QCOW2 on disk: the structs, constants and limits that the writer and the reader share.
// Specification: QEMU, docs/interop/qcow2. All numbers are big-endian.

import { ascii, struct, u32, u64, u8 } from '../struct.ts';

/** 'Q' 'F' 'I' 0xfb */
export const MAGIC = 0x514649fb;

/** Cluster size of the images written here, and QEMU's default. */
export const CLUSTER_BITS = 16;
export const CLUSTER_SIZE = 2 ** CLUSTER_BITS;

/** Refcounts are 2 ** REFCOUNT_ORDER bits wide: 16. */
export const REFCOUNT_ORDER = 4;
/** Bytes of a refcount. */
export const REFCOUNT_SIZE = 2 ** REFCOUNT_ORDER / 8;

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

/** In a standard L2 entry: the cluster reads as zeros, whatever the backing file has there. */
export const ALL_ZEROS = 1n;

/** Compressed data is counted in these units, whatever the cluster size. */
export const COMPRESSED_SECTOR = 512;

/** Compressed cluster descriptor: below this bit the image offset, from it on the additional sectors. */
export function compressedOffsetBits(clusterBits: number): bigint {
  return 62n - (BigInt(clusterBits) - 8n);
}

/** "Header", version 3, without the optional fields after `headerLength` (zlib compression needs none). */
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

/** "Header extensions": each is this, then `length` bytes, padded to a multiple of 8. */
export const extension = struct('big', 8, {
  type: [0, u32],
  length: [4, u32],
});
export const END_OF_EXTENSIONS = 0;
/** The name of the backing file's format, such as `raw`. */
export const BACKING_FORMAT = 0xe2792aca;
/** Our own, which others skip: the guid of the ZFS snapshot whose disk the image holds, 8 bytes. Spells "kzfs". */
export const SNAPSHOT_GUID = 0x6b7a6673;
export const FEATURE_NAME_TABLE = 0x6803f857;

/** "Feature name table": lets an older program name the feature that it lacks. */
export const featureName = struct('big', 48, {
  kind: [0, u8],
  bit: [1, u8],
  name: [2, ascii(46)],
});

const INCOMPATIBLE = 0;
const COMPATIBLE = 1;
const AUTOCLEAR = 2;

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
