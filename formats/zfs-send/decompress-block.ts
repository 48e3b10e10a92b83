// Decompresses a block as a pool stores it.

import { FormatError } from '../errors.ts';
import { viewOf } from '../struct.ts';
import { decompressLz4 } from './decompress-lz4.ts';
import { decompressLzjb } from './decompress-lzjb.ts';
import { decompressZle } from './decompress-zle.ts';

/** Fills `output` from compressed data. */
export type Decompress = (compressed: Uint8Array, output: Uint8Array) => void;

/** Decompressors that are injected: those that are missing here, or faster ones. */
export interface Decompressors {
  /** A zlib stream (RFC 1950) that fills `output` exactly. May throw any error. */
  readonly inflate: Decompress;
  /** A zstd frame (RFC 8878) that fills `output` exactly. May throw any error. */
  readonly zstd: Decompress;
  /** An LZ4 block that fills `output` exactly. Default: one in JavaScript. */
  readonly lz4?: Decompress;
}

// `enum zio_compress`, sys/zio_compress.h.
const NOT_COMPRESSED = [0, 2]; // inherit, off
const LZJB = 3;
const EMPTY = 4;
const GZIP_FIRST = 5;
const GZIP_LAST = 13;
const ZLE = 14;
const LZ4 = 15;
const ZSTD = 16;

/** The name of a compression as in `zfs get compression`; undefined if the number is unknown. */
export function compressionName(compression: number): string | undefined {
  if (NOT_COMPRESSED.includes(compression)) return 'off';
  if (compression >= GZIP_FIRST && compression <= GZIP_LAST) {
    return `gzip-${compression - GZIP_FIRST + 1}`;
  }
  return { [LZJB]: 'lzjb', [EMPTY]: 'empty', [ZLE]: 'zle', [LZ4]: 'lz4', [ZSTD]: 'zstd' }[
    compression
  ];
}

/**
 * Decompresses a block, which must fill `output` exactly. Bytes after the end of the compressed
 * data are ignored: a block is padded to whole sectors. Throws a FormatError if it is damaged or
 * its compression is unknown.
 */
export function decompressBlock(
  compression: number,
  compressed: Uint8Array,
  output: Uint8Array,
  decompressors: Decompressors,
): void {
  if (compression === LZJB) decompressLzjb(compressed, output);
  else if (compression === ZLE) decompressZle(compressed, output);
  else if (compression === EMPTY) output.fill(0);
  else if (compression === LZ4) {
    (decompressors.lz4 ?? decompressLz4)(countedData(compressed, 4), output);
  } else if (compression === ZSTD) decompressZstd(compressed, output, decompressors);
  else if (compression >= GZIP_FIRST && compression <= GZIP_LAST) {
    attempt('gzip', () => decompressors.inflate(compressed, output));
  } else if (NOT_COMPRESSED.includes(compression)) copyPlain(compressed, output);
  else throw new FormatError('unsupported', `the unknown compression ${compression}`);
}

function copyPlain(block: Uint8Array, output: Uint8Array): void {
  if (block.length !== output.length) {
    throw new FormatError('damaged', `it has ${block.length} bytes, expected ${output.length}`);
  }
  output.set(block);
}

/** The data after a header that begins with its length, big-endian on every host. */
function countedData(block: Uint8Array, headerSize: number): Uint8Array {
  const length = block.length < headerSize ? Infinity : viewOf(block).getUint32(0);
  if (length > block.length - headerSize) {
    const found = `it has ${block.length} bytes, too few for its compressed data`;
    throw new FormatError('damaged', found);
  }
  return block.subarray(headerSize, headerSize + length);
}

/**
 * `zfs_zstdhdr_t`, sys/zstd/zstd.h: the length, and version and level of zstd, which are not used.
 */
const ZSTD_HEADER_SIZE = 8;
/** Magic number of a frame, RFC 8878, section 3.1.1; ZFS leaves it out (ZSTD_f_zstd1_magicless). */
const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd];

function decompressZstd(block: Uint8Array, output: Uint8Array, { zstd }: Decompressors): void {
  const data = countedData(block, ZSTD_HEADER_SIZE);
  const frame = new Uint8Array(ZSTD_MAGIC.length + data.length);
  frame.set(ZSTD_MAGIC);
  frame.set(data, ZSTD_MAGIC.length);
  attempt('zstd', () => zstd(frame, output));
}

function attempt(name: string, decompress: () => void): void {
  try {
    decompress();
  } catch (error) {
    throw new FormatError('damaged', `the ${name} data is damaged`, { cause: error });
  }
}
