import * as zlib from 'node:zlib';
import type { ZstdEncoding } from '../../formats/index.ts';
import type { Compressor } from './compressor.ts';

// The typings are those of the oldest Node that we run on, which has no zstd.
interface Zstd {
  readonly constants: Record<'ZSTD_c_compressionLevel' | 'ZSTD_e_end', number>;
  createZstdCompress(options: object): unknown;
  zstdCompressSync(input: Uint8Array, options: object): Uint8Array;
}

// What lies below a stream, as in zlib.ts. A frame that was ended leaves the state ready for the next one.
interface Internals {
  readonly _handle?: {
    writeSync(
      flush: number,
      input: Uint8Array,
      inputOffset: number,
      inputLength: number,
      output: Uint8Array,
      outputOffset: number,
      outputLength: number,
    ): void;
  };
  readonly _writeState?: Uint32Array;
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
  const stream = zstd.createZstdCompress(options) as Internals;
  const { _handle: handle, _writeState: state } = stream;
  if (typeof handle?.writeSync !== 'function' || !(state instanceof Uint32Array)) {
    return documentedZstdCompressor({ level });
  }
  return {
    compress(input, output) {
      // All of the input in one call that ends the frame: zstd then knows its size, and takes tables to match.
      handle.writeSync(END, input, 0, input.length, output, 0, output.length);
      const [outputLeft, inputLeft] = state;
      if (!outputLeft || inputLeft !== 0) throw new Error('zstd ran out of output');
      return output.length - outputLeft;
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
