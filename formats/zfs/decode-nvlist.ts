// Name-value lists in XDR, from vdev labels, pools and the beginning of send streams:
//   encoding, endianness, two reserved bytes
//   list: version, flags, then pairs
//     pair: encoded size, decoded size, name, type, number of elements, value
//   a pair of size 0 ends a list; a list inside a list has no first line
// Sources: OpenZFS, module/nvpair/nvpair.c ("XDR encoding functions") and sys/nvpair.h; RFC 4506
// for the values.

import type { FormatError } from '../errors.ts';
import { roundUp } from '../rounding.ts';
import { viewOf } from '../struct.ts';
import { damaged, unsupported } from './faults.ts';

/** The value of a pair. Numbers of 64 bits are bigint; a pair of the type `boolean` is true. */
export type NvValue =
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | NvList
  | readonly boolean[]
  | readonly number[]
  | readonly bigint[]
  | readonly string[]
  | readonly NvList[];

/** Values by their names. It does not refer to the bytes that it was decoded from. */
export type NvList = ReadonlyMap<string, NvValue>;

/** Whether a value is a list. */
export function isNvList(value: NvValue | undefined): value is NvList {
  return value instanceof Map;
}

/** Limit of this program on nested lists; a tree of vdevs has about four levels. */
const MAX_DEPTH = 32;

/**
 * Limit of this program on values, elements of arrays included: some 64 MiB of memory, where a
 * package of hundreds of thousands of snapshots is listed. A list counts as four.
 */
const MAX_VALUES = 2 ** 20;
const LIST_VALUES = 4;

const XDR_ENCODING = 1;
const NATIVE_ENCODING = 0;
const VERSION = 0;

/** Bytes of the smallest pair: two sizes, the length of an empty name, type, element count. */
const MIN_PAIR_SIZE = 20;
/** Bytes of an empty nested list: version, flags and the pair that ends it. */
const MIN_LIST_SIZE = 16;

/** Position of the decoder; each read advances it. */
interface Cursor {
  readonly view: DataView;
  offset: number;
  /** End of the bytes that may be read. */
  readonly end: number;
  /** What the parts of one list share. */
  readonly shared: {
    /** How many values there may still be. */
    valuesLeft: number;
    readonly skipped: ReadonlySet<string>;
  };
}

/** Reads a value of one type. `count` is the element count of the pair. */
type ReadValue = (cursor: Cursor, count: number, depth: number) => NvValue;

/**
 * Decodes the list at the start of `bytes` and ignores what follows it, and the pairs whose names
 * are `skipped`, in lists inside it too. Throws a FormatError if it is not such a list.
 */
export function decodeNvList(
  bytes: Uint8Array,
  skipped: ReadonlySet<string> = new Set<string>(),
): NvList {
  const shared = { valuesLeft: MAX_VALUES, skipped };
  const cursor: Cursor = { view: viewOf(bytes), offset: 0, end: bytes.length, shared };
  const encoding = cursor.view.getUint8(take(cursor, 4));
  if (encoding === NATIVE_ENCODING) {
    throw unsupportedList('is in native encoding, XDR is supported', 0);
  }
  if (encoding !== XDR_ENCODING) throw damagedList(`has the unknown encoding ${encoding}`, 0);
  return readList(cursor, 0);
}

function readList(cursor: Cursor, depth: number): NvList {
  if (depth > MAX_DEPTH) throw unsupportedList(`has more than ${MAX_DEPTH} levels`, cursor.offset);
  const version = readInt32(cursor);
  if (version !== VERSION) {
    throw unsupportedList(`has the unknown version ${version}`, cursor.offset - 4);
  }
  take(cursor, 4); // flags: whether names are unique
  spend(cursor, LIST_VALUES);
  const list = new Map<string, NvValue>();
  for (;;) {
    const start = cursor.offset;
    const size = readUint32(cursor);
    const decodedSize = readUint32(cursor);
    if (size === 0 && decodedSize === 0) return list;
    if (size < MIN_PAIR_SIZE || size > cursor.end - start) {
      throw damagedList(`has a pair of ${size} bytes where ${cursor.end - start} are left`, start);
    }
    const pair = { ...cursor, end: start + size };
    const [name, value] = readPair(pair, depth);
    if (pair.offset !== pair.end) {
      throw damagedList(`has ${pair.end - pair.offset} bytes too many in "${name}"`, pair.offset);
    }
    if (value !== undefined) list.set(name, value); // the last of a name counts, as in libnvpair
    cursor.offset = pair.end;
  }
}

function readPair(pair: Cursor, depth: number): readonly [name: string, value?: NvValue] {
  const name = readString(pair);
  if (pair.shared.skipped.has(name)) {
    pair.offset = pair.end;
    return [name];
  }
  spend(pair, 1);
  const typeOffset = pair.offset;
  const type = readInt32(pair);
  const count = readUint32(pair);
  const read = VALUE_TYPES[type];
  if (!read) throw unsupportedList(`has the unknown type ${type} in "${name}"`, typeOffset);
  return [name, read(pair, count, depth)];
}

// `data_type_t` of sys/nvpair.h. In XDR everything takes at least four bytes, also in arrays.
const VALUE_TYPES: Readonly<Record<number, ReadValue>> = {
  1: () => true, // boolean
  2: readUint8, // byte
  3: readInt32, // int16
  4: readUint32, // uint16
  5: readInt32, // int32
  6: readUint32, // uint32
  7: readInt64, // int64
  8: readUint64, // uint64
  9: readString, // string
  10: (cursor, count) => readOpaque(cursor, count).slice(), // byte array
  11: counted(4, readInt32), // int16 array
  12: counted(4, readUint32), // uint16 array
  13: counted(4, readInt32), // int32 array
  14: counted(4, readUint32), // uint32 array
  15: counted(8, readInt64), // int64 array
  16: counted(8, readUint64), // uint64 array
  17: (cursor, count) => readEach(cursor, count, 4, readString), // string array
  18: readInt64, // hrtime, nanoseconds
  19: (cursor, _, depth) => readList(cursor, depth + 1), // nvlist
  20: (cursor, count, depth) =>
    readEach(cursor, count, MIN_LIST_SIZE, (at) => readList(at, depth + 1)), // nvlist array
  21: readBoolean, // boolean value
  22: readInt8, // int8
  23: readUint8, // uint8
  24: counted(4, readBoolean), // boolean array
  25: counted(4, readInt8), // int8 array
  26: counted(4, readUint8), // uint8 array
  27: (cursor) => cursor.view.getFloat64(take(cursor, 8)), // double
};

/** An array that repeats its length before its elements of `size` bytes. */
function counted<T extends boolean | number | bigint>(
  size: number,
  read: (cursor: Cursor) => T,
): (cursor: Cursor, count: number) => readonly T[] {
  return (cursor, count) => {
    const again = readUint32(cursor);
    if (again !== count) {
      throw damagedList(`has ${again} elements where ${count} are announced`, cursor.offset - 4);
    }
    return readEach(cursor, count, size, read);
  };
}

/** `minSize`: bytes of the smallest element. */
function readEach<T>(
  cursor: Cursor,
  count: number,
  minSize: number,
  read: (cursor: Cursor) => T,
): T[] {
  const left = cursor.end - cursor.offset;
  if (count * minSize > left) {
    throw damagedList(`has ${count} elements where ${left} bytes are left`, cursor.offset);
  }
  spend(cursor, count);
  return Array.from({ length: count }, () => read(cursor));
}

function spend({ shared, offset }: Cursor, values: number): void {
  shared.valuesLeft -= values;
  if (shared.valuesLeft < 0) throw unsupportedList(`has more than ${MAX_VALUES} values`, offset);
}

function readString(cursor: Cursor): string {
  const length = readUint32(cursor);
  return new TextDecoder().decode(readOpaque(cursor, length));
}

/** Bytes that are padded to a multiple of four; a view. */
function readOpaque(cursor: Cursor, length: number): Uint8Array {
  const offset = take(cursor, roundUp(length, 4));
  const { buffer, byteOffset } = cursor.view;
  return new Uint8Array(buffer, byteOffset + offset, length);
}

function readBoolean(cursor: Cursor): boolean {
  return readUint32(cursor) !== 0;
}

function readInt8(cursor: Cursor): number {
  return cursor.view.getInt8(take(cursor, 4) + 3);
}

function readUint8(cursor: Cursor): number {
  return cursor.view.getUint8(take(cursor, 4) + 3);
}

function readInt32(cursor: Cursor): number {
  return cursor.view.getInt32(take(cursor, 4));
}

function readUint32(cursor: Cursor): number {
  return cursor.view.getUint32(take(cursor, 4));
}

function readInt64(cursor: Cursor): bigint {
  return cursor.view.getBigInt64(take(cursor, 8));
}

function readUint64(cursor: Cursor): bigint {
  return cursor.view.getBigUint64(take(cursor, 8));
}

/** Advances past `length` bytes and returns their offset. */
function take(cursor: Cursor, length: number): number {
  const offset = cursor.offset;
  if (length > cursor.end - offset) {
    throw damagedList(`ends ${length - (cursor.end - offset)} bytes too early`, offset);
  }
  cursor.offset += length;
  return offset;
}

function unsupportedList(what: string, offset: number): FormatError {
  return unsupported(describe(what, offset));
}

function damagedList(what: string, offset: number): FormatError {
  return damaged(describe(what, offset));
}

function describe(what: string, offset: number): string {
  return `the name-value list ${what} (at byte ${offset})`;
}
