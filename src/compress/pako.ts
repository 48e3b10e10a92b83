import { deflate } from 'pako';
import type { ZlibEncoding } from '../../formats/index.ts';
import type { Compressor } from './compressor.ts';

/** Compresses in JavaScript alone, where node:zlib is missing. */
export function pakoCompressor({ windowBits, level }: ZlibEncoding): Compressor {
  return {
    compress(input, output) {
      const packed = deflate(input, { windowBits, level: level });
      output.set(packed);
      return packed.length;
    },
  };
}
