// A gzip file of one member: header, deflate stream, trailer. Specification: RFC 1952, section 2.3.
// All numbers are little-endian.

import { struct, u16, u32, u8 } from '../struct.ts';

/** "ID1" and "ID2". */
export const MAGIC = 0x8b1f;

/** "CM": deflate. */
export const DEFLATE = 8;

/** "OS": unknown, so that the image does not depend on the machine. */
export const UNKNOWN_SYSTEM = 255;

export const header = struct('little', 10, {
  magic: [0, u16],
  method: [2, u8],
  flags: [3, u8], // 0: no name, no comment
  mtime: [4, u32], // seconds since 1970
  extraFlags: [8, u8], // 0: says nothing about the level
  system: [9, u8],
});

export const trailer = struct('little', 8, {
  crc32: [0, u32],
  size: [4, u32], // of the uncompressed bytes, modulo 2^32
});
