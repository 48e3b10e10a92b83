import { host } from '#host';
import { crcOf } from '../../formats/crc.ts';

/** The CRC-32 of zlib, gzip and GPT in JavaScript alone, which takes about twice as long. */
export const crc32ByTable = crcOf(0xedb8_8320); // the polynomial of IEEE 802.3

/** The same. `before` is the CRC-32 of the bytes that precede these. */
export function crc32(bytes: Uint8Array, before = 0): number {
  return host.crc32?.(bytes, before) ?? crc32ByTable(bytes, before);
}
