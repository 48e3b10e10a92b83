// A ZFS send stream: the records that it is made of, as the sender's processor has them in memory, in either byte order.
// Source: OpenZFS, include/sys/zfs_ioctl.h, `dmu_replay_record` and what it contains; the comments name its fields where
// ours are others. A stream is:
//   BEGIN, records of one snapshot, END
// and a package (zfs send -p, -R, -I), of header type 2:
//   BEGIN and its name-value list, END; the streams of its snapshots; an END of zeros

import { ascii, bytes, type Struct, struct, u32, u64, u8 } from '../struct.ts';

/** Bytes of a record without its payload. */
export const RECORD_SIZE = 312;
/** A record but BEGIN ends with the checksum of all that stands before it, in the stream and in the record. */
export const RECORD_CHECKSUM_AT = 280;

/** DMU_BACKUP_MAGIC, at this offset of a BEGIN record. */
export const STREAM_MAGIC = 0x2f5bacbacn;
export const STREAM_MAGIC_AT = 8;
export const STREAM_MAGIC_END = 16;

/** `drr_type` of a record. */
export const BEGIN = 0;
export const OBJECT = 1;
export const FREE_OBJECTS = 2;
export const WRITE = 3;
export const FREE = 4;
export const END = 5;
export const WRITE_BY_REFERENCE = 6;
export const SPILL = 7;
export const WRITE_EMBEDDED = 8;
export const OBJECT_RANGE = 9;
export const REDACT = 10;

/** Names of the records, by their type, for messages. */
export const RECORD_NAMES = [
  'BEGIN',
  'OBJECT',
  'FREEOBJECTS',
  'WRITE',
  'FREE',
  'END',
  'WRITE_BYREF',
  'SPILL',
  'WRITE_EMBEDDED',
  'OBJECT_RANGE',
  'REDACT',
] as const;

/** Header types: the two lowest bits of `versionInfo`. */
export const SINGLE_STREAM = 1n; // DMU_SUBSTREAM
export const PACKAGE = 2n; // DMU_COMPOUNDSTREAM
export const HEADER_TYPE_MASK = 3n;
/** Features are the bits above them. */
export const FEATURES_SHIFT = 2n;

/** DMU_BACKUP_FEATURE_*: what a reader must know of a stream, by bit. */
export const FEATURE_NAMES: Readonly<Record<number, string>> = {
  0: 'dedup',
  1: 'dedup properties',
  2: 'spill blocks',
  16: 'embedded data',
  17: 'lz4',
  19: 'large blocks',
  20: 'resuming',
  21: 'redacted',
  22: 'compressed',
  23: 'large dnodes',
  24: 'raw',
  25: 'zstd',
  26: 'holds',
  27: 'switch to large blocks',
  28: 'long names',
  29: 'large micro-ZAPs',
};
export const FEATURE_DEDUP = 1n << 0n;
export const FEATURE_DEDUP_PROPERTIES = 1n << 1n;
export const FEATURE_RESUMING = 1n << 20n;
export const FEATURE_REDACTED = 1n << 21n;
export const FEATURE_RAW = 1n << 24n;

/** `dmu_objset_type_t` of a volume (DMU_OST_ZVOL). */
export const VOLUME = 3;

/** Objects of a volume (ZVOL_OBJ, ZVOL_ZAP_OBJ): its data, and its properties with the size. */
export const DATA_OBJECT = 1n;
export const PROPERTIES_OBJECT = 2n;

/** A FREE of this length goes to the end (DMU_OBJECT_END). */
export const TO_THE_END = 0xffffffffffffffffn;

/** SPA_MAXBLOCKSIZE: no block is larger. */
export const MAX_BLOCK_SIZE = 16 * 2 ** 20;
/** SPA_MINBLOCKSIZE. Blocks are multiples of it, and of volumes powers of two. */
export const MIN_BLOCK_SIZE = 512;
/** BPE_PAYLOAD_SIZE: the most that a block pointer embeds. */
export const MAX_EMBEDDED_SIZE = 112;

/** What every record begins with. */
const HEAD_FIELDS = {
  type: [0, u32],
  payloadLength: [4, u32], // of BEGIN alone
} as const;

/** What the records of an object begin with. */
const OBJECT_HEAD_FIELDS = {
  ...HEAD_FIELDS,
  object: [8, u64],
} as const;

const BEGIN_FIELDS = {
  ...HEAD_FIELDS,
  magic: [8, u64],
  versionInfo: [16, u64],
  creationTime: [24, u64], // seconds since 1970
  objectSetType: [32, u32], // drr_type: VOLUME, or a file system
  flags: [36, u32],
  toGuid: [40, u64],
  fromGuid: [48, u64], // 0: a full stream
  toName: [56, ascii(256)], // POOL/VOLUME@SNAPSHOT
} as const;

const OBJECT_FIELDS = {
  ...OBJECT_HEAD_FIELDS,
  objectType: [16, u32],
  bonusType: [20, u32],
  blockSize: [24, u32],
  bonusLength: [28, u32],
  checksumType: [32, u8],
  compression: [33, u8],
  dnodeSlots: [34, u8],
  flags: [35, u8],
  rawBonusLength: [36, u32], // of raw streams alone, like all that follows
  toGuid: [40, u64],
} as const;

const WRITE_FIELDS = {
  ...OBJECT_HEAD_FIELDS,
  objectType: [16, u32],
  padding: [20, u32],
  offset: [24, u64],
  logicalSize: [32, u64],
  toGuid: [40, u64],
  checksumType: [48, u8],
  flags: [49, u8],
  compression: [50, u8], // 0: the payload is the block
  padding2: [51, bytes(5)],
  dedupKey: [56, bytes(40)], // not looked at
  compressedSize: [96, u64], // of the payload, if it is compressed
} as const;

const FREE_FIELDS = {
  ...OBJECT_HEAD_FIELDS,
  offset: [16, u64],
  length: [24, u64],
  toGuid: [32, u64],
} as const;

const FREE_OBJECTS_FIELDS = {
  ...HEAD_FIELDS,
  firstObject: [8, u64],
  objectCount: [16, u64],
  toGuid: [24, u64],
} as const;

const END_FIELDS = {
  ...HEAD_FIELDS,
  checksum: [8, bytes(32)], // of all before this record
  toGuid: [40, u64],
} as const;

const SPILL_FIELDS = {
  ...OBJECT_HEAD_FIELDS,
  length: [16, u64],
  toGuid: [24, u64],
  flags: [32, u8],
  compression: [33, u8],
  padding: [34, bytes(6)],
  compressedSize: [40, u64], // of the payload; 0: it is `length`
} as const;

const WRITE_EMBEDDED_FIELDS = {
  ...OBJECT_HEAD_FIELDS,
  offset: [16, u64],
  length: [24, u64],
  toGuid: [32, u64],
  compression: [40, u8],
  embeddedType: [41, u8], // 0: data (BP_EMBEDDED_TYPE_DATA)
  padding: [42, bytes(6)],
  logicalSize: [48, u32], // of the payload when unpacked
  packedSize: [52, u32], // of the payload, which is filled up to a multiple of 8
} as const;

/** `mzap_phys_t`, sys/zap_impl.h: the head of a small property list, before its entries. */
const MICRO_ZAP_FIELDS = {
  blockType: [0, u64],
  salt: [8, u64],
  normalization: [16, u64],
  padding: [24, bytes(40)],
} as const;

/** `mzap_ent_phys_t`; an entry without a name is not used. */
const MICRO_ZAP_ENTRY_FIELDS = {
  value: [0, u64],
  differentiator: [8, u32],
  padding: [12, bytes(2)],
  name: [14, ascii(50)],
} as const;

/** ZBT_MICRO */
export const MICRO_ZAP = (1n << 63n) + 3n;

/** The structs that a stream's records begin with; what follows up to the checksum is not looked at. */
export type RecordStructs = ReturnType<typeof structsOf>;

function structsOf(endian: 'big' | 'little') {
  return {
    begin: struct(endian, RECORD_SIZE, BEGIN_FIELDS),
    object: struct(endian, 48, OBJECT_FIELDS),
    write: struct(endian, 104, WRITE_FIELDS),
    free: struct(endian, 40, FREE_FIELDS),
    freeObjects: struct(endian, 32, FREE_OBJECTS_FIELDS),
    end: struct(endian, 48, END_FIELDS),
    spill: struct(endian, 48, SPILL_FIELDS),
    writeEmbedded: struct(endian, 56, WRITE_EMBEDDED_FIELDS),
    microZap: struct(endian, 64, MICRO_ZAP_FIELDS),
    microZapEntry: struct(endian, 64, MICRO_ZAP_ENTRY_FIELDS),
  };
}

/** Both byte orders: a stream is in the one of the machine that sent it. */
export const RECORD_STRUCTS = { big: structsOf('big'), little: structsOf('little') };

/** Where the checksum in END ends. */
export const END_CHECKSUM_END = 40;

/** The values of a struct. */
export type ValuesOf<S> = S extends Struct<infer V> ? Readonly<V> : never;
