import { deflate } from 'pako';
import type { ZlibEncoding } from '../../formats/index.ts';
import type { Compressor } from './compressor.ts';

/** Compresses in JavaScript alone, where node:zlib is missing. */
export function pakoCompressor({ windowBits, level }: ZlibEncoding): Compressor {
  return {
    compress(input, output) {
      const compressed = deflate(input, { windowBits, level });
      output.set(compressed);
      return compressed.length;
    },
  };
}
