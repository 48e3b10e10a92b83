// The tar that an OVA is: each member is a header of one block and its bytes, padded to a block.
// POSIX.1-2017, pax, "ustar Interchange Format"; sizes from 8 GiB on as GNU tar writes them. VMware products
// read no pax records, so there are none.

import { ascii, type FieldType, struct } from '../struct.ts';

/** Members begin and end at multiples of this, in bytes. */
export const TAR_BLOCK = 512;

/** Two blocks of zeros end the archive. */
export const TAR_END = 2 * TAR_BLOCK;

/** The archive is filled up to a multiple of this, in bytes: the specification's default, and what GNU tar makes. */
export const TAR_RECORD = 20 * TAR_BLOCK;

/** Longest name that needs no prefix, in bytes. */
export const MAX_MEMBER_NAME = 100;

const MODE = 0o644;
const REGULAR_FILE = '0';

/** "ustar Header Block": big-endian does not matter, all of it is text. */
const header = struct('big', TAR_BLOCK, {
  name: [0, ascii(100)],
  mode: [100, octal(8)],
  uid: [108, octal(8)],
  gid: [116, octal(8)],
  size: [124, memberSize(12)],
  mtime: [136, octal(12)],
  checksum: [148, ascii(8)],
  typeflag: [156, ascii(1)],
  linkname: [157, ascii(100)],
  magic: [257, ascii(6)],
  version: [263, ascii(2)],
  uname: [265, ascii(32)], // empty: the numbers count, wherever it is unpacked
  gname: [297, ascii(32)],
  devmajor: [329, octal(8)],
  devminor: [337, octal(8)],
  prefix: [345, ascii(155)],
  padding: [500, ascii(12)],
});

/** A file in the archive. */
export interface Member {
  /** ASCII, at most MAX_MEMBER_NAME bytes. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** Seconds since 1970, UTC. */
  readonly mtime: number;
}

/** Returns the header of a regular file, a new buffer of TAR_BLOCK bytes. */
export function encodeHeader({ name, size, mtime }: Member): Uint8Array {
  const values = {
    name,
    mode: MODE,
    uid: 0,
    gid: 0,
    size,
    mtime,
    checksum: ' '.repeat(8), // what it is summed with
    typeflag: REGULAR_FILE,
    linkname: '',
    magic: 'ustar',
    version: '00',
    uname: '',
    gname: '',
    devmajor: 0,
    devminor: 0,
    prefix: '',
    padding: '',
  };
  const sum = header.encode(values).reduce((total, byte) => total + byte, 0);
  const checksum = `${sum.toString(8).padStart(6, '0')}\0 `;
  return header.encode({ ...values, checksum });
}

/** Returns a whole member, in pieces that follow each other. */
export function encodeMember(file: Omit<Member, 'size'> & { bytes: Uint8Array }): Uint8Array[] {
  const { bytes, ...rest } = file;
  const padding = new Uint8Array(paddingAfter(bytes.length, TAR_BLOCK));
  return [encodeHeader({ ...rest, size: bytes.length }), bytes, padding];
}

/** What a header tells. */
export interface TarHeader {
  /** With its prefix. */
  readonly name: string;
  /** In bytes; NaN or Infinity for what is no such number. */
  readonly size: number;
  /** A digit or a letter; empty in archives from before POSIX for a regular file. */
  readonly typeflag: string;
}

/** Reads a block as a header; undefined if its checksum says that it is none. */
export function decodeHeader(block: Uint8Array): TarHeader | undefined {
  const { name, size, typeflag, magic, prefix, checksum } = header.decode(block);
  // The checksum's own bytes count as spaces.
  const sum = block.reduce((total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte), 0);
  if (Number.parseInt(checksum, 8) !== sum) return undefined;
  const isPosix = magic === 'ustar'; // GNU's goes on with spaces, and has other things in the prefix
  return { name: isPosix && prefix !== '' ? `${prefix}/${name}` : name, size, typeflag };
}

/** The name of the member whose header `bytes` begins with; undefined if that is no tar header. */
export function memberName(bytes: Uint8Array): string | undefined {
  if (bytes.length < TAR_BLOCK) return undefined;
  const { magic, name } = header.decode(bytes);
  return magic.startsWith('ustar') ? name : undefined; // GNU's magic goes on with spaces
}

/** How many bytes are left to the next multiple of `unit`. */
export function paddingAfter(size: number, unit: number): number {
  return (unit - (size % unit)) % unit;
}

/** Octal digits that fill the field but for a NUL; throws a RangeError if there are too many. Anything else is NaN. */
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

/** Octal up to 8 GiB, then a big-endian number with the top bit set: GNU's "base-256". */
function memberSize(size: number): FieldType<number> {
  const text = octal(size);
  const low = size - 8; // of the number's bytes, the upper ones are zero
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
