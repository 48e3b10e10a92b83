// A block pointer: where the copies of a block are, its compression, and its checksum.
//    0  48 bytes  up to three copies, of 16 bytes each: vdev and allocated size, offset on the vdev
//   48   8 bytes  sizes, compression, checksum, type, level, byte order
//   56  40 bytes  more properties, room, births, fill count
//   96  32 bytes  checksum
// A block of up to 112 bytes can be embedded. Source: OpenZFS, sys/spa.h (blkptr_t and its macros).

import { joinBytes } from '../join-bytes.ts';
import { unsupported } from './faults.ts';
import { bytes, struct, u64, viewOf } from '../struct.ts';

/** Bytes of a block pointer. */
export const POINTER_SIZE = 128;

/** The unit of offsets and sizes, in bytes: SPA_MINBLOCKSIZE. */
export const POOL_SECTOR = 512;

/** One copy of a block. */
export interface BlockCopy {
  /** Number of the top-level vdev. */
  readonly vdev: number;
  /** In bytes, in the allocatable space of the vdev. */
  readonly offset: number;
}

/** What a pointer says about a block. Sizes are in bytes. */
export type BlockPointer =
  /** Zeros, of the size that is expected there. */
  | { readonly kind: 'hole' }
  | (CompressedBlock & { readonly kind: 'embedded'; readonly compressed: Uint8Array })
  | (CompressedBlock & {
      readonly kind: 'stored';
      readonly type: number;
      readonly physicalSize: number;
      /** `enum zio_checksum`. */
      readonly checksumType: number;
      readonly checksum: Uint8Array;
      readonly copies: readonly BlockCopy[];
    });

interface CompressedBlock {
  /** 0 for data, more for blocks of pointers. */
  readonly level: number;
  /** `enum zio_compress`. */
  readonly compression: number;
  readonly logicalSize: number;
  /** Transaction group in which it was written. */
  readonly birth: bigint;
}

const pointer = struct('little', POINTER_SIZE, {
  copies: [0, bytes(48)], // three dva_t
  properties: [48, u64],
  moreProperties: [56, u64],
  padding: [64, u64],
  physicalBirth: [72, u64], // 0 if it is the logical one
  logicalBirth: [80, u64],
  fill: [88, u64],
  checksum: [96, bytes(32)],
});

const COPY_COUNT = 3;
const COPY_SIZE = 16;

/** Where a pointer holds an embedded block: all but the properties and the logical birth. */
const PAYLOAD = [
  [0, 48],
  [56, 80],
  [88, 128],
] as const;
const EMBEDDED_DATA = 0; // BP_EMBEDDED_TYPE_DATA

/** Decodes the pointer at the start of `content`. Throws a FormatError if it is not supported. */
export function decodePointer(content: Uint8Array): BlockPointer {
  const { properties, physicalBirth, logicalBirth, checksum } = pointer.decode(content);
  const isEmbedded = bits(properties, 39, 1) === 1;
  const view = viewOf(content);
  if (!isEmbedded && view.getBigUint64(0) === 0n && view.getBigUint64(8) === 0n) {
    return { kind: 'hole' };
  }
  if (bits(properties, 63, 1) !== 1) throw unsupported('a block is in big-endian byte order');
  const level = bits(properties, 56, 5);
  const compression = bits(properties, 32, 7);
  if (isEmbedded) {
    if (bits(properties, 40, 8) !== EMBEDDED_DATA) {
      throw unsupported('a block pointer embeds something that is not data');
    }
    const logicalSize = bits(properties, 0, 25) + 1;
    const compressed = payloadOf(content).subarray(0, bits(properties, 25, 7) + 1);
    return { kind: 'embedded', level, compression, logicalSize, compressed, birth: logicalBirth };
  }
  if (bits(properties, 61, 1) === 1) throw unsupported('a block is encrypted');
  return {
    kind: 'stored',
    level,
    compression,
    type: bits(properties, 48, 8),
    logicalSize: (bits(properties, 0, 16) + 1) * POOL_SECTOR,
    physicalSize: (bits(properties, 16, 16) + 1) * POOL_SECTOR,
    birth: physicalBirth > logicalBirth ? physicalBirth : logicalBirth,
    checksumType: bits(properties, 40, 8),
    checksum,
    copies: copiesOf(view),
  };
}

function payloadOf(content: Uint8Array): Uint8Array {
  return joinBytes(PAYLOAD.map(([start, end]) => content.subarray(start, end)));
}

/** The `dva_t` that are in use. */
function copiesOf(view: DataView): BlockCopy[] {
  const copies: BlockCopy[] = [];
  for (let at = 0; at < COPY_COUNT * COPY_SIZE; at += COPY_SIZE) {
    const { vdev, offset, length } = decodePlace(view, at);
    if (length > 0) copies.push({ vdev, offset });
  }
  return copies;
}

/** Decodes a `dva_t`. Throws a FormatError for a gang block. */
export function decodePlace(view: DataView, at: number): BlockCopy & { readonly length: number } {
  const place = view.getBigUint64(at, true);
  const offset = view.getBigUint64(at + 8, true);
  const length = bits(place, 0, 24) * POOL_SECTOR; // with parity
  if (length > 0 && bits(offset, 63, 1) === 1) throw unsupported('a block is split (a gang block)');
  return { vdev: bits(place, 32, 24), offset: Number(offset) * POOL_SECTOR, length };
}

/** A bit field of a number, as in BF64_DECODE. */
function bits(value: bigint, low: number, count: number): number {
  return Number(BigInt.asUintN(count, value >> BigInt(low)));
}
