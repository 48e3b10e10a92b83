import { JOINABLE_END, type ZlibEncoding } from '../../formats/contract.ts'; // for workers
import type { Zlib } from '../runtime/host.ts';
import { zlibHandle } from '../runtime/zlib-handle.ts';
import type { Compressor } from './compressor.ts';

// Takes half the memory of level 9, which makes no smaller streams of blocks of 64 KiB.
const MEM_LEVEL = 8;

const EMPTY = new Uint8Array();

/** Bytes at the end of a zlib stream. */
const ADLER32_SIZE = 4;

/** Compresses with Node's zlib, keeping its state from block to block. */
export function zlibCompressor(zlib: Zlib, encoding: ZlibEncoding): Compressor {
  const { windowBits, level, isJoinable } = encoding;
  const options = { windowBits, level, memLevel: MEM_LEVEL };
  const handle = zlibHandle(zlib.createDeflate(options));
  if (!handle) return documentedCompressor(zlib, options, isJoinable);
  const { Z_FINISH, Z_SYNC_FLUSH } = zlib.constants;
  const write = (flush: number, input: Uint8Array, output: Uint8Array): Uint8Array => {
    const left = handle.write(flush, input, 0, output);
    if (left.output === 0 || left.input > 0) throw new Error('deflate ran out of output');
    return output.subarray(output.length - left.output);
  };
  return {
    compress(input, output) {
      handle.reset();
      const rest = isJoinable
        ? write(Z_FINISH, EMPTY, write(Z_SYNC_FLUSH, input, output))
        : write(Z_FINISH, input, output);
      return output.length - rest.length;
    },
  };
}

/**
 * The same bytes by documented calls alone, for a Node or a replacement of it without that handle.
 */
export function documentedCompressor(zlib: Zlib, options: object, isJoinable = false): Compressor {
  const { Z_SYNC_FLUSH } = zlib.constants;
  const joinable = (input: Uint8Array) => [
    ...zlib.deflateSync(input, { ...options, finishFlush: Z_SYNC_FLUSH }),
    ...JOINABLE_END,
    ...zlib.deflateSync(input, { level: 0 }).subarray(-ADLER32_SIZE),
  ];
  return {
    compress(input, output) {
      const compressed = isJoinable ? joinable(input) : zlib.deflateSync(input, options);
      output.set(compressed);
      return compressed.length;
    },
  };
}
