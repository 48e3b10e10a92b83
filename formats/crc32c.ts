import { crcTable } from './crc-table.ts';

// Castagnoli's polynomial, bits reversed.
const POLYNOMIAL = 0x82f6_3b78;

let table: Int32Array | undefined;

/**
 * CRC-32C (RFC 3720, appendix B.4) of some bytes, an unsigned number. `before` is that of the bytes
 * in front of them.
 */
export function crc32c(bytes: Uint8Array, before = 0): number {
  const words = (table ??= crcTable(POLYNOMIAL));
  let crc = ~before;
  for (const byte of bytes) crc = (crc >>> 8) ^ words[(crc ^ byte) & 0xff]!; // 256 entries
  return ~crc >>> 0;
}
