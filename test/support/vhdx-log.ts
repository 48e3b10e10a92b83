// Logs of VHDXs, entry by entry as [MS-VHDX] 2.3 has them and without our own layouts.

import { crc32c } from '../../formats/crc32c.ts';

const SECTOR = 4096;
const HEADERS = [65_536, 131_072];
export const LOG_OFFSET = 2 ** 20; // in images of ours and of QEMU's
export const LOG_GUID = Buffer.from('00112233445566778899aabbccddeeff', 'hex');

/** 4 KiB of the image, or zeros of whole 4 KiB. */
export type Update = { readonly offset: number } & (
  { readonly data: Buffer } | { readonly zeros: number }
);

/** The values of a log entry; the defaults are for a log of this one entry. */
export interface Entry {
  readonly sequence: number;
  /** Where in the log the oldest entry is that is not yet flushed. */
  readonly tail: number;
  readonly updates: readonly Update[];
  readonly guid?: Buffer;
  /** Bytes of the image when the entry was written, and what it is to have. */
  readonly flushedSize?: number;
  readonly lastSize?: number;
}

/** An entry: header and descriptors, then a sector for each update with data. */
export function logEntry(entry: Entry): Buffer {
  const { sequence, tail, updates, guid = LOG_GUID, flushedSize = 0, lastSize = 0 } = entry;
  const describing = Math.ceil((2 + updates.length) / 128);
  const withData = updates.flatMap((update) => ('data' in update ? [update.data] : []));
  const bytes = Buffer.alloc((describing + withData.length) * SECTOR);
  bytes.write('loge');
  bytes.writeUInt32LE(bytes.length, 8);
  bytes.writeUInt32LE(tail, 12);
  bytes.writeBigUInt64LE(BigInt(sequence), 16);
  bytes.writeUInt32LE(updates.length, 24);
  guid.copy(bytes, 32);
  bytes.writeBigUInt64LE(BigInt(flushedSize), 48);
  bytes.writeBigUInt64LE(BigInt(lastSize), 56);
  let sector = describing * SECTOR;
  updates.forEach((update, i) => {
    const descriptor = bytes.subarray(64 + 32 * i);
    descriptor.write('data' in update ? 'desc' : 'zero');
    descriptor.writeBigUInt64LE(BigInt(update.offset), 16);
    descriptor.writeBigUInt64LE(BigInt(sequence), 24);
    if ('zeros' in update) descriptor.writeBigUInt64LE(BigInt(update.zeros), 8);
    else {
      update.data.copy(descriptor, 4, SECTOR - 4);
      update.data.copy(descriptor, 8, 0, 8);
      update.data.copy(bytes, sector);
      bytes.write('data', sector);
      bytes.writeUInt32LE(Math.floor(sequence / 2 ** 32), sector + 4);
      bytes.writeUInt32LE(sequence % 2 ** 32, sector + SECTOR - 4);
      sector += SECTOR;
    }
  });
  return sealed(bytes);
}

/** With its CRC-32C in the second four bytes. */
export function sealed(bytes: Buffer): Buffer {
  bytes.writeUInt32LE(0, 4);
  bytes.writeUInt32LE(crc32c(bytes), 4);
  return bytes;
}

/** A copy of an image with a log in use by its headers, and those entries in it. */
export function withLog(
  image: Buffer,
  entries: readonly (readonly [place: number, entry: Buffer])[],
): Buffer {
  const copy = Buffer.from(image);
  for (const at of HEADERS) {
    LOG_GUID.copy(copy, at + 48);
    sealed(copy.subarray(at, at + SECTOR));
  }
  const length = copy.readUInt32LE(HEADERS[0]! + 68);
  for (const [place, entry] of entries) {
    // The log is a ring.
    const first = Math.min(entry.length, length - place);
    entry.copy(copy, LOG_OFFSET + place, 0, first);
    entry.copy(copy, LOG_OFFSET, first);
  }
  return copy;
}
