// Our own deflate for blocks of 64 KiB, in WebAssembly. Its source is in `assembly/`.

import type { ZlibEncoding } from '../../../formats/index.ts';
import { instantiate } from '../../workers/wasm.ts';
import type { Compressor } from '../compressor.ts';

/** How much longer a zlib stream can be than its input, in bytes, for inputs of up to 64 KiB. */
export const DEFLATE_SLACK = 500;

// The exports of assembly/index.ts. Addresses are offsets in `memory`, in bytes; it never grows.
interface DeflateExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly input: { readonly value: number };
  readonly output: { readonly value: number };
  readonly maxInput: { readonly value: number };
  configure(windowBits: number, level: number, isJoinable: boolean): void;
  compress(length: number): number;
}

/**
 * Compresses inputs of up to 64 KiB, each by itself, to zlib streams (RFC 1950): the same bytes for
 * the same input on every machine. Smaller and faster than Node's zlib at the same level. Holds a
 * little more than 2 MiB; throws a RangeError if the input is longer or the output too short.
 */
export async function deflateCompressor(encoding: ZlibEncoding): Promise<Compressor> {
  const { windowBits, level, isJoinable = false } = encoding;
  const deflate = (await instantiate('deflate')) as DeflateExports;
  deflate.configure(windowBits, level, isJoinable);
  const memory = new Uint8Array(deflate.memory.buffer);
  const { value: inputAt } = deflate.input;
  const { value: outputAt } = deflate.output;
  const { value: maxInput } = deflate.maxInput;
  return {
    compress(input, output) {
      if (input.length > maxInput) {
        throw new RangeError(`deflate: ${input.length} bytes are more than ${maxInput}`);
      }
      memory.set(input, inputAt);
      const length = deflate.compress(input.length);
      output.set(memory.subarray(outputAt, outputAt + length));
      return length;
    },
  };
}
