// A tar archive: each member is a header of one block and its bytes, padded to a block.
// Specification: POSIX.1-2017, pax, "ustar Interchange Format"; sizes from 8 GiB on as GNU tar
// writes them. Neither VMware products nor Google Cloud read pax records, so they are not written.

import { ascii, type FieldType, struct } from '../struct.ts';

/** Members begin and end at multiples of this, in bytes. */
export const TAR_BLOCK = 512;

/** Two blocks of zeros end the archive. */
export const TAR_END = 2 * TAR_BLOCK;

/** The archive is padded to a multiple of this, in bytes: the default of POSIX and of GNU tar. */
export const TAR_RECORD = 20 * TAR_BLOCK;

/** Longest name that needs no prefix, in bytes. */
export const MAX_MEMBER_NAME = 100;

/** `typeflag` of a regular file. */
export const REGULAR_FILE = '0';

/** `typeflag` of a folder. Its name ends in a slash. */
export const FOLDER = '5';

/** `magic`. GNU's continues with spaces, and has other things in the prefix. */
export const USTAR = 'ustar';

/** What GNU tar has in the two fields instead. */
export const GNU = { magic: 'ustar ', version: ' ' };

/** Offset of the checksum in the header, and its end. */
export const CHECKSUM_AT = 148;
export const CHECKSUM_END = 156;

/** "ustar Header Block". The byte order does not matter: all of it is text. */
export const header = struct('big', TAR_BLOCK, {
  name: [0, ascii(100)],
  mode: [100, octal(8)],
  uid: [108, octal(8)],
  gid: [116, octal(8)],
  size: [124, memberSize(12)],
  mtime: [136, octal(12)],
  checksum: [CHECKSUM_AT, ascii(8)],
  typeflag: [156, ascii(1)],
  linkname: [157, ascii(100)],
  magic: [257, ascii(6)],
  version: [263, ascii(2)],
  uname: [265, ascii(32)], // empty: the numbers count wherever the archive is extracted
  gname: [297, ascii(32)],
  devmajor: [329, octal(8)],
  devminor: [337, octal(8)],
  prefix: [345, ascii(155)],
  padding: [500, ascii(12)],
});

/** The last `mtime` that eleven octal digits can state, in the year 2242. */
export const MAX_MTIME = 8 ** 11 - 1;

/**
 * Octal digits that fill the field but for a NUL. Encoding a number with more digits throws a
 * RangeError; anything else than digits decodes to NaN.
 */
function octal(size: number): FieldType<number> {
  const text = ascii(size);
  return {
    size,
    set: (view, offset, value, little) =>
      text.set(view, offset, `${value.toString(8).padStart(size - 1, '0')}\0`, little),
    get: (view, offset, little) => {
      const digits = text.get(view, offset, little).trim();
      return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : NaN;
    },
  };
}

/** Octal below 8 GiB, else GNU's "base-256": a big-endian number with the highest bit set. */
export function memberSize(size: number): FieldType<number> {
  const text = octal(size);
  const low = size - 8; // the bytes above are zero
  return {
    size,
    set: (view, offset, value, little) => {
      if (value < 8 ** (size - 1)) {
        text.set(view, offset, value, little);
      } else {
        view.setUint8(offset, 0x80);
        view.setBigUint64(offset + low, BigInt(value));
      }
    },
    get: (view, offset, little) => {
      if ((view.getUint8(offset) & 0x80) === 0) return text.get(view, offset, little);
      const isMore = view.getUint32(offset) !== 0x8000_0000; // or negative
      return isMore ? Infinity : Number(view.getBigUint64(offset + low));
    },
  };
}
