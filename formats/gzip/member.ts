// Writes one gzip member front to back, of blocks that were compressed elsewhere:
//   header
//   deflate    the blocks, each ending at a byte; zeros that are ready-made; bytes that are stored
//   trailer    CRC-32 and size

import {
  BLOCK_SIZE,
  type Block,
  type Encoding,
  JOINABLE_END,
  type WriteRequest,
} from '../contract.ts';
import { viewOf } from '../struct.ts';
import { crcWithZeros } from './crc-of-zeros.ts';
import { deflatedZeros } from './deflated-zeros.ts';
import { DEFLATE, header, MAGIC, trailer, UNKNOWN_SYSTEM } from './layout.ts';

/** A gzip member that is being written. */
export interface GzipMember {
  /** Uncompressed bytes so far. */
  readonly size: number;
  /** Adds a whole block, compressed. */
  addBlock(block: Block): void;
  /** Adds up to MAX_STORED bytes as they are. */
  addStored(bytes: Uint8Array): void;
  /** Adds zeros. Throws a RangeError for a negative count: the blocks do not ascend. */
  addZeros(count: number): void;
  /** Ends the member. */
  finish(): void;
}

/** The most bytes of a stored block (RFC 1951, section 3.2.4). */
export const MAX_STORED = 65_535;

const ZLIB_HEADER = 2;
const ADLER32 = 4;

/** Starts a member at the end of the output. The encoding must be a joinable zlib. */
export function gzipMember(request: WriteRequest): GzipMember {
  const { output, encoding, disk } = request;
  let size = 0;
  let crc = 0;
  output.append(
    header.encode({
      magic: MAGIC,
      method: DEFLATE,
      flags: 0,
      mtime: disk.createdAt,
      extraFlags: 0,
      system: UNKNOWN_SYSTEM,
    }),
  );

  return {
    get size() {
      return size;
    },
    addBlock(block) {
      output.append(joinable(block, encoding));
      count(block.bytes);
    },
    addStored(bytes) {
      const head = new Uint8Array(5); // not the last, its length, and that inverted
      const view = viewOf(head);
      view.setUint16(1, bytes.length, true);
      view.setUint16(3, ~bytes.length, true);
      output.append(head);
      output.append(bytes);
      count(bytes);
    },
    addZeros(count) {
      if (count < 0) throw new RangeError(`blocks do not ascend: ${count} zeros at ${size}`);
      if (count === 0) return;
      const { length, pieces } = deflatedZeros(count);
      output.appendPieces(length, pieces());
      crc = crcWithZeros(crc, count);
      size += count;
    },
    finish() {
      output.append(Uint8Array.from(JOINABLE_END));
      output.append(trailer.encode({ crc32: crc, size: size % 2 ** 32 }));
    },
  };

  function count(bytes: Uint8Array): void {
    crc = request.crc32(bytes, crc);
    size += bytes.length;
  }
}

/** The deflate blocks of a block, without a last one. */
function joinable(block: Block, encoding: Encoding | undefined): Uint8Array {
  if (encoding?.kind !== 'zlib' || !encoding.isJoinable) {
    throw new Error('a gzip member is joined of blocks, but their encoding is not joinable');
  }
  return block.compressed(encoding).subarray(ZLIB_HEADER, -ADLER32 - JOINABLE_END.length);
}
/** Adds the next block of a disk whose byte 0 is at `start` of the member's bytes. */
export function addDiskBlock(member: GzipMember, block: Block, start: number): void {
  member.addZeros(start + block.index * BLOCK_SIZE - member.size);
  // Compressed, the last block would have the zeros that pad it.
  if (block.length === BLOCK_SIZE) member.addBlock(block);
  else member.addStored(block.bytes.subarray(0, block.length));
}
