import { constants, createDeflate, deflateSync } from 'node:zlib';
import type { ZlibEncoding } from '../../formats/index.ts';
import type { Compressor } from './compressor.ts';

// Takes half the memory of level 9, which makes no smaller streams of blocks of 64 KiB.
const MEM_LEVEL = 8;

// The part of a zlib stream below its streaming interface. It has been the same in every Node since 11, and
// npm itself stands on it (minizlib): one call compresses into a buffer of the caller's, without
// allocating the 256 KiB of deflate state again for each block, which costs more than the fast levels do.
interface Handle {
  writeSync(
    flush: number,
    input: Uint8Array,
    inputOffset: number,
    inputLength: number,
    output: Uint8Array,
    outputOffset: number,
    outputLength: number,
  ): void;
  reset(): void;
}

/** Compresses with Node's zlib, keeping its state from block to block. */
export function zlibCompressor({ windowBits, level }: ZlibEncoding): Compressor {
  const options = { windowBits, level, memLevel: MEM_LEVEL };
  const stream = createDeflate(options);
  const { _handle: handle, _writeState: state } = stream as unknown as {
    _handle?: Handle;
    _writeState?: Uint32Array;
  };
  if (typeof handle?.writeSync !== 'function' || !(state instanceof Uint32Array)) {
    return documentedCompressor(options);
  }
  return {
    compress(input, output) {
      handle.reset();
      handle.writeSync(constants.Z_FINISH, input, 0, input.length, output, 0, output.length);
      const [outputLeft, inputLeft] = state;
      if (!outputLeft || inputLeft !== 0) throw new Error('deflate ran out of output');
      return output.length - outputLeft;
    },
  };
}

/** The same bytes by documented calls alone, for a Node or a substitute of it that is built otherwise. */
export function documentedCompressor(options: object): Compressor {
  return {
    compress(input, output) {
      const packed = deflateSync(input, options);
      output.set(packed);
      return packed.length;
    },
  };
}
