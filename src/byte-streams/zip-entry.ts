// Finds the one file in a zip archive by the central directory at its end, since a local header may
// not have the size. Specification: PKWARE, APPNOTE.TXT, version 6.3.10; numbers of sections below
// refer to it.

import { KexportError } from '../errors.ts';
import type { ImageInput } from '../../formats/index.ts';

/** An archive with random access. */
type Archive = ImageInput & { readonly name: string };

/** The only entry of an archive. Sizes and offsets are in bytes; the data lies within the file. */
export interface ZipEntry {
  readonly name: string;
  readonly dataOffset: number;
  readonly packedSize: number;
  readonly size: number;
  readonly crc32: number;
  /** Whether it is stored uncompressed; else it is deflated. */
  readonly isStored: boolean;
}

const END_SIZE = 22; // 4.3.16, before the comment
const MAX_COMMENT = 0xffff;
const LOCATOR_SIZE = 20; // 4.3.15
const END64_SIZE = 56; // 4.3.14
const ENTRY_SIZE = 46; // 4.3.12, before the name
const LOCAL_SIZE = 30; // 4.3.7, before the name
const IN_ZIP64 = 0xffff_ffff;
const ENCRYPTED = 1; // 4.4.4, bit 0
const STORED = 0;
const DEFLATED = 8;

/**
 * Finds the entry of an archive that has exactly one. Throws a KexportError for any other archive,
 * and for a damaged one.
 */
export async function findZipEntry(input: Archive): Promise<ZipEntry> {
  const directory = await findDirectory(input);
  if (directory.count !== 1) {
    throw refused(input, `has ${directory.count} entries`, 'unpack the one that is the disk');
  }
  const { offset, size } = directory;
  if (size < ENTRY_SIZE || size > ENTRY_SIZE + 3 * 0xffff) throw damaged(input, 'its directory');
  const entry = await at(input, offset, size, 'PK\x01\x02', 'its directory');
  const nameEnd = ENTRY_SIZE + entry.readUInt16LE(28);
  const extraEnd = nameEnd + entry.readUInt16LE(30);
  if (extraEnd > size) throw damaged(input, 'its directory');
  const name = JSON.stringify(entry.toString('utf8', ENTRY_SIZE, nameEnd)).slice(1, -1);
  const method = entry.readUInt16LE(10);
  if (entry.readUInt16LE(8) & ENCRYPTED) throw refused(input, `is encrypted`, 'unpack it first');
  if (method !== STORED && method !== DEFLATED) {
    throw refused(input, `is packed by method ${method}, not by deflate (8)`, 'unpack it first');
  }
  const wide = wideFields(input, entry, entry.subarray(nameEnd, extraEnd));
  const local = await at(input, wide.localOffset, LOCAL_SIZE, 'PK\x03\x04', 'its local header');
  const lengths = local.readUInt16LE(26) + local.readUInt16LE(28);
  const dataOffset = wide.localOffset + LOCAL_SIZE + lengths;
  const isStored = method === STORED;
  if (dataOffset + wide.packedSize > offset || (isStored && wide.packedSize !== wide.size)) {
    throw damaged(input, 'the size in its directory');
  }
  if (wide.packedSize === 0) throw new KexportError('source', `${input.name}: ${name} is empty`);
  const { packedSize, size: unpackedSize } = wide;
  const crc32 = entry.readUInt32LE(16);
  return { name, dataOffset, packedSize, size: unpackedSize, crc32, isStored };
}

/** 4.5.3: fields that do not fit into the entry follow in the extra field, in this order. */
function wideFields(input: Archive, entry: Buffer, extra: Buffer) {
  let wide: Buffer = Buffer.alloc(0);
  for (let offset = 0; offset + 4 <= extra.length;) {
    const end = offset + 4 + extra.readUInt16LE(offset + 2);
    if (extra.readUInt16LE(offset) === 1) wide = extra.subarray(offset + 4, end);
    offset = end;
  }
  const field = (offset: number) => {
    const narrow = entry.readUInt32LE(offset);
    if (narrow !== IN_ZIP64) return narrow;
    if (wide.length < 8) throw damaged(input, 'its directory');
    const value = safe(input, wide.readBigUInt64LE(0));
    wide = wide.subarray(8);
    return value;
  };
  const size = field(24);
  const packedSize = field(20);
  return { size, packedSize, localOffset: field(42) };
}

interface Directory {
  readonly count: number;
  readonly offset: number;
  readonly size: number;
}

async function findDirectory(input: Archive): Promise<Directory> {
  const length = Math.min(input.size, END_SIZE + MAX_COMMENT);
  const start = input.size - length;
  const tail = Buffer.from(await input.read(start, length));
  let found = -1;
  for (let index = length - END_SIZE; index >= 0 && found < 0; index--) {
    if (tail.toString('latin1', index, index + 4) !== 'PK\x05\x06') continue;
    if (index + END_SIZE + tail.readUInt16LE(index + 20) === length) found = index;
  }
  if (found < 0) {
    const what = 'has no directory at its end: it is cut off, or other bytes follow it';
    throw new KexportError('damaged', `${input.name} ${what}`);
  }
  const end = tail.subarray(found);
  const narrow = {
    count: end.readUInt16LE(10),
    size: end.readUInt32LE(12),
    offset: end.readUInt32LE(16),
  };
  const directory = (await findDirectory64(input, start + found)) ?? narrow;
  if (end.readUInt16LE(4) !== 0 && end.readUInt16LE(4) !== 0xffff) {
    throw refused(input, 'is one part of several', 'join and unpack them first');
  }
  if (directory.offset + directory.size > start + found) throw damaged(input, 'its directory');
  return directory;
}

async function findDirectory64(input: Archive, end: number): Promise<Directory | undefined> {
  if (end < LOCATOR_SIZE) return undefined;
  const locator = Buffer.from(await input.read(end - LOCATOR_SIZE, LOCATOR_SIZE));
  if (locator.toString('latin1', 0, 4) !== 'PK\x06\x07') return undefined;
  const offset = safe(input, locator.readBigUInt64LE(8));
  const record = await at(input, offset, END64_SIZE, 'PK\x06\x06', 'its Zip64 record');
  const [count, size, start] = [32, 40, 48].map((field) =>
    safe(input, record.readBigUInt64LE(field)),
  );
  return { count: count!, size: size!, offset: start! };
}

/** Reads a struct and checks its signature. */
async function at(
  input: Archive,
  offset: number,
  length: number,
  signature: string,
  what: string,
): Promise<Buffer> {
  if (offset + length > input.size) throw damaged(input, what);
  const bytes = Buffer.from(await input.read(offset, length));
  if (bytes.toString('latin1', 0, 4) !== signature) throw damaged(input, what);
  return bytes;
}

function safe(input: Archive, value: bigint): number {
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw damaged(input, `the number ${value}`);
  return Number(value);
}

function damaged({ name }: Archive, what: string): KexportError {
  return new KexportError('damaged', `${name} is damaged: ${what} cannot be right`);
}

function refused({ name }: Archive, what: string, hint: string): KexportError {
  return new KexportError('unsupported', `${name} ${what}`, { hint });
}
