import { Deflate, deflate } from 'pako';
import type { ZlibEncoding } from '../../formats/index.ts';
import type { Compressor } from './compressor.ts';

/** Compresses in JavaScript alone, where node:zlib is missing. */
export function pakoCompressor({ windowBits, level, isJoinable }: ZlibEncoding): Compressor {
  const options = { windowBits, level };
  return {
    compress(input, output) {
      const compressed = isJoinable ? joinable(input, options) : deflate(input, options);
      output.set(compressed);
      return compressed.length;
    },
  };
}

const Z_SYNC_FLUSH = 2;

function joinable(input: Uint8Array, options: object): Uint8Array {
  const stream = new Deflate(options);
  stream.push(input, Z_SYNC_FLUSH);
  stream.push(new Uint8Array(), true);
  return stream.result; // text only with the option `to`
}
