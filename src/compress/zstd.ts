import type { ZstdEncoding } from '../../formats/index.ts';
import type { Zlib } from '../runtime/host.ts';
import { zlibHandle } from '../runtime/zlib-handle.ts';
import type { Compressor } from './compressor.ts';

// The types are those of the oldest supported Node, which has no zstd.
export interface Zstd {
  readonly constants: Record<'ZSTD_c_compressionLevel' | 'ZSTD_e_end', number>;
  createZstdCompress(options: object): unknown;
  zstdCompressSync(input: Uint8Array, options: object): Uint8Array;
}

/** Whether this zlib has zstd, as in Node 22.15 and newer. */
export function hasZstd(zlib: Zlib): zlib is Zlib & Zstd {
  return 'zstdCompressSync' in zlib;
}

/** Compresses with Node's zstd, keeping its state from block to block. */
export function zstdCompressor(zstd: Zstd, { level }: ZstdEncoding): Compressor {
  const { ZSTD_c_compressionLevel: LEVEL, ZSTD_e_end: END } = zstd.constants;
  const options = { params: { [LEVEL]: level } };
  const handle = zlibHandle(zstd.createZstdCompress(options));
  if (!handle) return documentedZstdCompressor(zstd, { level });
  return {
    compress(input, output) {
      // All of the input in one call that ends the frame: zstd then knows its size, and takes
      // tables to match. A frame that was ended leaves the state ready for the next one.
      const left = handle.write(END, input, 0, output);
      if (left.output === 0 || left.input > 0) throw new Error('zstd ran out of output');
      return output.length - left.output;
    },
  };
}

/** The same bytes by documented calls alone. */
export function documentedZstdCompressor(
  zstd: Zstd,
  { level }: Pick<ZstdEncoding, 'level'>,
): Compressor {
  const options = { params: { [zstd.constants.ZSTD_c_compressionLevel]: level } };
  return {
    compress(input, output) {
      const compressed = zstd.zstdCompressSync(input, options);
      output.set(compressed);
      return compressed.length;
    },
  };
}
