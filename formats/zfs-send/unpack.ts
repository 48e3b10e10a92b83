// A block of a volume as it lies on the sender's disks, made into what it holds.

import { FormatError } from '../errors.ts';
import { viewOf } from '../struct.ts';
import { unpackLz4 } from './lz4.ts';
import { unpackLzjb } from './lzjb.ts';
import { unpackZle } from './zle.ts';

/** Fills `output` from packed data. */
export type Unpack = (packed: Uint8Array, output: Uint8Array) => void;

/** What this folder leaves to others, or others do faster. */
export interface Unpackers {
  /** A zlib stream (RFC 1950) of exactly as many bytes as `output` has. May throw anything. */
  readonly inflate: Unpack;
  /** A zstd frame (RFC 8878) likewise. */
  readonly zstd: Unpack;
  /** An LZ4 block likewise. Default: JavaScript. */
  readonly lz4?: Unpack;
}

// `enum zio_compress`, sys/zio_compress.h.
const NOT_PACKED = [0, 2]; // inherit, off
const LZJB = 3;
const EMPTY = 4;
const GZIP_FIRST = 5;
const GZIP_LAST = 13;
const ZLE = 14;
const LZ4 = 15;
const ZSTD = 16;

/** The name of a compression, by its number, as `zfs get compression` says it; undefined if there is no such. */
export function compressionName(compression: number): string | undefined {
  if (NOT_PACKED.includes(compression)) return 'off';
  if (compression >= GZIP_FIRST && compression <= GZIP_LAST) {
    return `gzip-${compression - GZIP_FIRST + 1}`;
  }
  return { [LZJB]: 'lzjb', [EMPTY]: 'empty', [ZLE]: 'zle', [LZ4]: 'lz4', [ZSTD]: 'zstd' }[
    compression
  ];
}

/**
 * Unpacks a block that is compressed in that way to exactly as many bytes as `output` has. What follows its end in
 * `packed` is not looked at: a block is filled up to whole sectors. Throws a FormatError.
 */
export function unpackBlock(
  compression: number,
  packed: Uint8Array,
  output: Uint8Array,
  unpackers: Unpackers,
): void {
  if (compression === LZJB) unpackLzjb(packed, output);
  else if (compression === ZLE) unpackZle(packed, output);
  else if (compression === EMPTY) output.fill(0);
  else if (compression === LZ4) (unpackers.lz4 ?? unpackLz4)(counted(packed, 4), output);
  else if (compression === ZSTD) unpackZstd(packed, output, unpackers);
  else if (compression >= GZIP_FIRST && compression <= GZIP_LAST) {
    attempt('gzip', () => unpackers.inflate(packed, output));
  } else if (NOT_PACKED.includes(compression)) copyPlain(packed, output);
  else throw new FormatError('unsupported', `the unknown compression ${compression}`);
}

function copyPlain(packed: Uint8Array, output: Uint8Array): void {
  if (packed.length !== output.length) {
    throw new FormatError('damaged', `${packed.length} bytes, expected ${output.length}`);
  }
  output.set(packed);
}

/** What lies behind a header of that many bytes, whose first four count it, big-endian on every machine. */
function counted(packed: Uint8Array, headerSize: number): Uint8Array {
  const length = packed.length < headerSize ? Infinity : viewOf(packed).getUint32(0);
  if (length > packed.length - headerSize) {
    throw new FormatError('damaged', `${packed.length} bytes, too few for its compressed data`);
  }
  return packed.subarray(headerSize, headerSize + length);
}

/** `zfs_zstdhdr_t`, sys/zstd/zstd.h: the length, then the version of zstd and the level, which a decoder does not need. */
const ZSTD_HEADER_SIZE = 8;
/** The magic number of a frame, RFC 8878, section 3.1.1, which ZFS leaves out (ZSTD_f_zstd1_magicless). */
const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

function unpackZstd(packed: Uint8Array, output: Uint8Array, { zstd }: Unpackers): void {
  const data = counted(packed, ZSTD_HEADER_SIZE);
  const frame = new Uint8Array(ZSTD_MAGIC.length + data.length);
  frame.set(ZSTD_MAGIC);
  frame.set(data, ZSTD_MAGIC.length);
  attempt('zstd', () => zstd(frame, output));
}

function attempt(name: string, unpack: () => void): void {
  try {
    unpack();
  } catch (error) {
    throw new FormatError('damaged', `the ${name} data is damaged`, { cause: error });
  }
}
