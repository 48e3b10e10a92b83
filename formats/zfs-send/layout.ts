// A ZFS send stream: its records, in the byte order of the sender. Source: OpenZFS,
// include/sys/zfs_ioctl.h, `dmu_replay_record`; comments give its names of fields where they
// differ.
//   stream                              BEGIN, records of one snapshot, END
//   package (zfs send -p, -R, -I)       BEGIN and a name-value list, END; streams; an END of zeros

import { ascii, bytes, struct, u32, u64, u8 } from '../struct.ts';

/** Bytes of a record without payload. */
export const RECORD_SIZE = 312;
/** Offset of the checksum in a record but BEGIN. It covers the stream up to this offset. */
export const RECORD_CHECKSUM_AT = 280;

/** DMU_BACKUP_MAGIC, and its offset in a BEGIN record. */
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

/** Names of the record types for messages. */
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

/** DMU_BACKUP_FEATURE_* by bit: what a reader must support. */
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

/** Objects of a volume (ZVOL_OBJ, ZVOL_ZAP_OBJ): its data, and its properties with its size. */
export const DATA_OBJECT = 1n;
export const PROPERTIES_OBJECT = 2n;

/** Length of a FREE up to the end of the object (DMU_OBJECT_END). */
export const TO_THE_END = 0xffffffffffffffffn;

/** SPA_MAXBLOCKSIZE: the largest block. */
export const MAX_BLOCK_SIZE = 16 * 2 ** 20;
/** SPA_MINBLOCKSIZE. Blocks are multiples of it; those of volumes are powers of two. */
export const MIN_BLOCK_SIZE = 512;
/** BPE_PAYLOAD_SIZE: the most bytes that a block pointer embeds. */
export const MAX_EMBEDDED_SIZE = 112;

/** The beginning of every record. */
const HEAD_FIELDS = {
  type: [0, u32],
  payloadLength: [4, u32], // only in BEGIN
} as const;

/** The beginning of the records about an object. */
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
  rawBonusLength: [36, u32], // this and all after it only in raw streams
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
  dedupKey: [56, bytes(40)], // not used
  compressedSize: [96, u64], // bytes of a compressed payload
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
  checksum: [8, bytes(32)], // of the stream before this record
  toGuid: [40, u64],
} as const;

const SPILL_FIELDS = {
  ...OBJECT_HEAD_FIELDS,
  length: [16, u64],
  toGuid: [24, u64],
  flags: [32, u8],
  compression: [33, u8],
  padding: [34, bytes(6)],
  compressedSize: [40, u64], // bytes of the payload; 0: it has `length`
} as const;

const WRITE_EMBEDDED_FIELDS = {
  ...OBJECT_HEAD_FIELDS,
  offset: [16, u64],
  length: [24, u64],
  toGuid: [32, u64],
  compression: [40, u8],
  embeddedType: [41, u8], // 0: data (BP_EMBEDDED_TYPE_DATA)
  padding: [42, bytes(6)],
  logicalSize: [48, u32], // bytes of the decompressed payload
  compressedSize: [52, u32], // bytes of the payload, which is padded to a multiple of 8
} as const;

/** `mzap_phys_t`, sys/zap_impl.h: the beginning of a small property list, before its entries. */
const MICRO_ZAP_FIELDS = {
  blockType: [0, u64],
  salt: [8, u64],
  normalization: [16, u64],
  padding: [24, bytes(40)],
} as const;

/** `mzap_ent_phys_t`; an entry without a name is free. */
const MICRO_ZAP_ENTRY_FIELDS = {
  value: [0, u64],
  differentiator: [8, u32],
  padding: [12, bytes(2)],
  name: [14, ascii(50)],
} as const;

/** ZBT_MICRO */
export const MICRO_ZAP = (1n << 63n) + 3n;

/** The structs at the beginning of the records; the rest up to the checksum is not used. */
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

/** The structs in both byte orders: a stream has that of the host that sent it. */
export const RECORD_STRUCTS = { big: structsOf('big'), little: structsOf('little') };

/** End of the checksum in END. */
export const END_CHECKSUM_END = 40;
