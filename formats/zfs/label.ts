// The label of a vdev, of which it has four: two at its start, two at its end.
//        0   8 KiB   left for a partition table of Solaris
//    8 KiB   8 KiB   boot environment
//   16 KiB 112 KiB   name-value list of the pool and this vdev, its checksum at its end
//  128 KiB 128 KiB   ring of uberblocks; the newest one that is sound is the root of the pool
// Sources: OpenZFS, sys/vdev_impl.h (vdev_label_t), sys/zio.h (zio_eck_t), sys/uberblock_impl.h; the checksum is
// zio_checksum_label_verifier and abd_checksum_SHA256. Numbers are in the byte order of the host that wrote them.

import { bytes, struct, u64, viewOf } from '../struct.ts';

/** Of a whole label, in bytes. */
export const LABEL_SIZE = 262_144;

/** Labels of a vdev. */
export const LABEL_COUNT = 4;

/** Where the name-value list is in a label, and its size with the checksum, in bytes. */
export const CONFIG_OFFSET = 16_384;
export const CONFIG_SIZE = 114_688;

/** Where the ring of uberblocks is in a label, and its size, in bytes. */
export const RING_OFFSET = 131_072;
export const RING_SIZE = 131_072;

/** Base-2 logarithms of what an uberblock takes in the ring: UBERBLOCK_SHIFT and MAX_UBERBLOCK_SHIFT. */
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
  mmpMagic: [176, u64], // multihost, as the two after it
  mmpDelay: [184, u64],
  mmpConfig: [192, u64],
  checkpointTxg: [200, u64], // 0 but in the uberblock that a rewind to a checkpoint begins with
} as const;

const UBERBLOCK_SIZE = 208;

/** `uberblock_t`, to where OpenZFS 2.1 goes; later versions have more behind it. */
const uberblock = {
  little: struct('little', UBERBLOCK_SIZE, UBERBLOCK_FIELDS),
  big: struct('big', UBERBLOCK_SIZE, UBERBLOCK_FIELDS),
};

export const UBERBLOCK_MAGIC = 0x00bab10cn;

/** `zio_eck_t`, the last bytes of what carries its own checksum. */
const TRAILER_SIZE = 40;
const TRAILER_MAGIC = 0x0210da7ab10c7a11n;

/** An uberblock as its host understands it. */
export type Uberblock = ReturnType<(typeof uberblock)['little']['decode']>;

/** In which order the bytes of a number are. */
export type ByteOrder = keyof typeof uberblock;

/** The SHA-256 of some bytes; handed in, as `formats/` computes none itself. */
export type Sha256 = (bytes: Uint8Array) => Uint8Array;

/** Where the labels of a vdev of that many bytes begin; its end is rounded down to a multiple of LABEL_SIZE. */
export function labelOffsets(vdevSize: number): readonly number[] {
  const end = Math.floor(vdevSize / LABEL_SIZE) * LABEL_SIZE;
  return [0, LABEL_SIZE, end - 2 * LABEL_SIZE, end - LABEL_SIZE];
}

/** What an uberblock takes in the ring of a vdev, in bytes. */
export function slotSize(ashift: number): number {
  return 2 ** Math.min(Math.max(ashift, MIN_SLOT_SHIFT), MAX_SLOT_SHIFT);
}

/** Decodes the uberblock that a slot begins with; undefined if there is none. Its checksum is not looked at. */
export function decodeUberblock(
  slot: Uint8Array,
): { readonly order: ByteOrder; readonly values: Uberblock } | undefined {
  const order = orderOf(slot, 0, UBERBLOCK_MAGIC);
  return order && { order, values: uberblock[order].decode(slot) };
}

/** Writes an uberblock over the one that a slot begins with; its checksum is then to be set. */
export function encodeUberblock(slot: Uint8Array, order: ByteOrder, values: Uberblock): void {
  slot.set(uberblock[order].encode(values));
}

/**
 * Whether bytes that end with their own checksum are sound: a slot of the ring or the name-value list with its
 * checksum. `vdevOffset` is where on the vdev they are, since they are sound only there.
 */
export function isSound(content: Uint8Array, vdevOffset: number, sha256: Sha256): boolean {
  const order = orderOf(content, content.length - TRAILER_SIZE, TRAILER_MAGIC);
  if (!order) return false;
  const sum = checksum(content, vdevOffset, order, sha256);
  return sum.every((byte, index) => byte === content[content.length - sum.length + index]);
}

/** Sets the checksum at the end of bytes that will be at `vdevOffset` of a vdev. */
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

/** It is taken of the bytes while the offset stands in its place, then put there as four numbers of 64 bits. */
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
