import { host } from '#host';
import { crcTable } from '../../formats/crc-table.ts';

const POLYNOMIAL = 0xedb88320; // of IEEE 802.3, its bits reversed

let table: Int32Array | undefined;

/** The CRC-32 of zlib, gzip and GPT. `before` is the CRC-32 of the bytes that precede these. */
export function crc32(bytes: Uint8Array, before = 0): number {
  return host.crc32?.(bytes, before) ?? crc32ByTable(bytes, before);
}

/** The same in JavaScript alone, about ten times slower. */
export function crc32ByTable(bytes: Uint8Array, before = 0): number {
  const words = (table ??= crcTable(POLYNOMIAL));
  let crc = ~before;
  // By index: an iterator takes three times as long.
  for (let i = 0, { length } = bytes; i < length; i++) {
    crc = (crc >>> 8) ^ (words[(crc ^ (bytes[i] ?? 0)) & 0xff] ?? 0);
  }
  return ~crc >>> 0;
}
