import type { ZlibEncoding } from '../../formats/index.ts';
import type { Zlib } from '../runtime/host.ts';
import { zlibHandle } from './zlib-handle.ts';
import type { Compressor } from './compressor.ts';

// Takes half the memory of level 9, which makes no smaller streams of blocks of 64 KiB.
const MEM_LEVEL = 8;

/** Compresses with Node's zlib, keeping its state from block to block. */
export function zlibCompressor(zlib: Zlib, { windowBits, level }: ZlibEncoding): Compressor {
  const options = { windowBits, level, memLevel: MEM_LEVEL };
  const handle = zlibHandle(zlib.createDeflate(options));
  if (!handle) return documentedCompressor(zlib, options);
  return {
    compress(input, output) {
      handle.reset();
      const left = handle.write(zlib.constants.Z_FINISH, input, 0, output);
      if (left.output === 0 || left.input > 0) throw new Error('deflate ran out of output');
      return output.length - left.output;
    },
  };
}

/**
 * The same bytes by documented calls alone, for a Node or a replacement of it without that handle.
 */
export function documentedCompressor(zlib: Zlib, options: object): Compressor {
  return {
    compress(input, output) {
      const compressed = zlib.deflateSync(input, options);
      output.set(compressed);
      return compressed.length;
    },
  };
}
