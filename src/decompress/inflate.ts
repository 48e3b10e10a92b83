import { host } from '#host';
import type { Zlib } from '../runtime/host.ts';
import type { Leftover } from '../runtime/zlib-handle.ts';
import { type Decompressor, DecompressError } from './decompressor.ts';

const Z_FINISH = 4;

/**
 * Makes a decompressor for RFC 1951 (`deflate`) or RFC 1950 (`zlib`) by the platform's zlib, whose
 * state is reused from stream to stream.
 */
export function inflater(kind: 'deflate' | 'zlib'): Decompressor {
  const handle = host.inflateHandle(kind);
  if (!handle) {
    const zlib = host.zlib();
    if (!zlib) throw new Error(`${host.name} has no zlib`);
    return documentedInflater(kind, zlib);
  }
  const more = new Uint8Array(1);
  let failure: string | undefined;
  handle.onError((message) => (failure = message));

  const write = (packed: Uint8Array, from: number, output: Uint8Array): Leftover => {
    const left = handle.write(Z_FINISH, packed, from, output);
    if (failure !== undefined) throw new DecompressError(failure);
    return left;
  };
  return (packed, output, atLeast = output.length) => {
    failure = undefined;
    handle.reset();
    const left = write(packed, 0, output);
    const length = output.length - left.output;
    if (length < atLeast) throw tooShort(length, output.length);
    if (left.output > 0) return; // the stream has ended, since there was no error
    // `output` is full. Only a stream that has ended gives no more bytes and no error.
    const after = write(packed, packed.length - left.input, more);
    if (after.output === 0) throw tooLong(output.length);
  };
}

/** The same by documented calls alone, for a Node or a replacement of it without that handle. */
export function documentedInflater(kind: 'deflate' | 'zlib', zlib: Zlib): Decompressor {
  const inflate = kind === 'zlib' ? zlib.inflateSync : zlib.inflateRawSync;
  return (packed, output, atLeast = output.length) => {
    let bytes: Buffer;
    try {
      bytes = inflate(packed, { maxOutputLength: output.length });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        throw tooLong(output.length);
      }
      throw new DecompressError(error instanceof Error ? error.message : String(error));
    }
    if (bytes.length < atLeast) throw tooShort(bytes.length, output.length);
    output.set(bytes);
  };
}

function tooShort(found: number, expected: number): DecompressError {
  return new DecompressError(`it gives ${found} bytes, not ${expected}`);
}

function tooLong(expected: number): DecompressError {
  return new DecompressError(`it gives more than ${expected} bytes`);
}
