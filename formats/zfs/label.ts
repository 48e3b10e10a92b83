// The label of a vdev, which has two at its start and two at its end:
//        0   8 KiB   room for a partition table of Solaris;  8 KiB more: boot environment
//   16 KiB 112 KiB   name-value list of the pool and the vdev, ends with its checksum
//  128 KiB 128 KiB   ring of uberblocks; the newest valid one is the root of the pool
// Numbers are in the byte order of the host. Sources: OpenZFS, sys/vdev_impl.h (vdev_label_t),
// sys/zio.h (zio_eck_t, zio_checksum_label_verifier, abd_checksum_SHA256), sys/uberblock_impl.h.

import { roundDown } from '../rounding.ts';
import { bytes, struct, u64, viewOf } from '../struct.ts';

/** Bytes of a label. */
export const LABEL_SIZE = 262_144;

/** Number of labels of a vdev. */
export const LABEL_COUNT = 4;

/** Offset of the name-value list in a label, and its size with the checksum, in bytes. */
export const CONFIG_OFFSET = 16_384;
export const CONFIG_SIZE = 114_688;

/** Offset of the ring of uberblocks in a label, and its size, in bytes. */
export const RING_OFFSET = 131_072;
export const RING_SIZE = 131_072;

/** Base-2 logarithms of the sizes of a slot: UBERBLOCK_SHIFT and MAX_UBERBLOCK_SHIFT. */
const MIN_SLOT_SHIFT = 10;
const MAX_SLOT_SHIFT = 13;

const UBERBLOCK_FIELDS = {
  magic: [0, u64],
  version: [8, u64],
  txg: [16, u64],
  guidSum: [24, u64], // of all vdevs
  timestamp: [32, u64], // seconds of Unix time
  rootBlockPointer: [40, bytes(128)], // blkptr_t of the meta object set
  softwareVersion: [168, u64],
  mmpMagic: [176, u64], // multihost, like the next two
  mmpDelay: [184, u64],
  mmpConfig: [192, u64],
  checkpointTxg: [200, u64], // 0 except after a rewind to a checkpoint
} as const;

const UBERBLOCK_SIZE = 208;

/** `uberblock_t` of OpenZFS 2.1; later versions add fields. */
const uberblock = {
  little: struct('little', UBERBLOCK_SIZE, UBERBLOCK_FIELDS),
  big: struct('big', UBERBLOCK_SIZE, UBERBLOCK_FIELDS),
};

export const UBERBLOCK_MAGIC = 0x00bab10cn;

/** `zio_eck_t`, the end of data with its own checksum. */
const TRAILER_SIZE = 40;
const TRAILER_MAGIC = 0x0210da7ab10c7a11n;

/** The values of an uberblock. */
export type Uberblock = ReturnType<(typeof uberblock)['little']['decode']>;

/** The byte order of numbers. */
export type ByteOrder = keyof typeof uberblock;

/** Computes the SHA-256 of bytes; injected. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** Offsets of the labels of a vdev; its size in bytes is rounded down to whole labels. */
export function labelOffsets(vdevSize: number): readonly number[] {
  const end = roundDown(vdevSize, LABEL_SIZE);
  return [0, LABEL_SIZE, end - 2 * LABEL_SIZE, end - LABEL_SIZE];
}

/** Bytes of a slot in the ring of a vdev. */
export function slotSize(ashift: number): number {
  return 2 ** Math.min(Math.max(ashift, MIN_SLOT_SHIFT), MAX_SLOT_SHIFT);
}

/** Decodes the uberblock of a slot without its checksum; undefined if there is none. */
export function decodeUberblock(
  slot: Uint8Array,
): { readonly order: ByteOrder; readonly values: Uberblock } | undefined {
  const order = orderOf(slot, 0, UBERBLOCK_MAGIC);
  return order && { order, values: uberblock[order].decode(slot) };
}

/** Replaces the uberblock of a slot; the caller must then `seal` the slot. */
export function encodeUberblock(slot: Uint8Array, order: ByteOrder, values: Uberblock): void {
  slot.set(uberblock[order].encode(values));
}

/**
 * Verifies data that ends with its own checksum: a slot of the ring or the name-value list. The
 * checksum depends on `vdevOffset`, the offset of the data on the vdev.
 */
export function isSound(content: Uint8Array, vdevOffset: number, sha256: Sha256): boolean {
  const order = orderOf(content, content.length - TRAILER_SIZE, TRAILER_MAGIC);
  if (!order) return false;
  const sum = checksum(content, vdevOffset, order, sha256);
  return sum.every((byte, index) => byte === content[content.length - sum.length + index]);
}

/** Sets the checksum at the end of data that will be at `vdevOffset` on a vdev. */
export function seal(
  content: Uint8Array,
  vdevOffset: number,
  order: ByteOrder,
  sha256: Sha256,
): void {
  const view = viewOf(content);
  view.setBigUint64(content.length - TRAILER_SIZE, TRAILER_MAGIC, order === 'little');
  const sum = checksum(content, vdevOffset, order, sha256);
  content.set(sum, content.length - sum.length);
}

/** The SHA-256 of the data with the offset in place of the checksum, as numbers of 64 bits. */
function checksum(
  content: Uint8Array,
  vdevOffset: number,
  order: ByteOrder,
  sha256: Sha256,
): Uint8Array {
  const little = order === 'little';
  const summed = content.slice();
  const place = summed.length - TRAILER_SIZE + 8;
  summed.fill(0, place);
  viewOf(summed).setBigUint64(place, BigInt(vdevOffset), little);
  const digest = viewOf(sha256(summed));
  const sum = new Uint8Array(digest.byteLength);
  for (let at = 0; at < sum.length; at += 8) {
    viewOf(sum).setBigUint64(at, digest.getBigUint64(at), little);
  }
  return sum;
}

function orderOf(content: Uint8Array, offset: number, magic: bigint): ByteOrder | undefined {
  const view = viewOf(content);
  if (view.getBigUint64(offset, true) === magic) return 'little';
  return view.getBigUint64(offset) === magic ? 'big' : undefined;
}
