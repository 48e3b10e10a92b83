import * as zlib from 'node:zlib';
import type { ZstdEncoding } from '../../formats/index.ts';
import { zlibHandle } from './zlib-handle.ts';
import type { Compressor } from './compressor.ts';

// The typings are those of the oldest Node that we run on, which has no zstd.
interface Zstd {
  readonly constants: Record<'ZSTD_c_compressionLevel' | 'ZSTD_e_end', number>;
  createZstdCompress(options: object): unknown;
  zstdCompressSync(input: Uint8Array, options: object): Uint8Array;
}

/** Whether this Node has zstd: 22.15 and newer. */
export function hasZstd(): boolean {
  return 'zstdCompressSync' in zlib;
}

/** Compresses with Node's zstd, keeping its state from block to block. Call it only where `hasZstd`. */
export function zstdCompressor({ level }: ZstdEncoding): Compressor {
  const zstd = zlib as unknown as Zstd;
  const { ZSTD_c_compressionLevel: LEVEL, ZSTD_e_end: END } = zstd.constants;
  const options = { params: { [LEVEL]: level } };
  const handle = zlibHandle(zstd.createZstdCompress(options));
  if (!handle) return documentedZstdCompressor({ level });
  return {
    compress(input, output) {
      // All of the input in one call that ends the frame: zstd then knows its size, and takes tables to match. A frame
      // that was ended leaves the state ready for the next one.
      const left = handle.write(END, input, 0, output);
      if (left.output === 0 || left.input > 0) throw new Error('zstd ran out of output');
      return output.length - left.output;
    },
  };
}

/** The same bytes by documented calls alone. */
export function documentedZstdCompressor({ level }: Pick<ZstdEncoding, 'level'>): Compressor {
  const zstd = zlib as unknown as Zstd;
  const options = { params: { [zstd.constants.ZSTD_c_compressionLevel]: level } };
  return {
    compress(input, output) {
      const packed = zstd.zstdCompressSync(input, options);
      output.set(packed);
      return packed.length;
    },
  };
}
