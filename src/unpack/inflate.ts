import { constants, createInflate, createInflateRaw, inflateRawSync, inflateSync } from 'node:zlib';
import { type Unpacker, UnpackError } from './unpacker.ts';

// The part of a zlib stream below its streaming interface, as in compress/zlib.ts: into a buffer of the caller's, and
// without allocating the state of inflate for each stream of some KiB.
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
  onerror: (message: string) => void;
}

/** Inflates RFC 1951 (`deflate`) or RFC 1950 (`zlib`) with Node's zlib, keeping its state from stream to stream. */
export function inflater(kind: 'deflate' | 'zlib'): Unpacker {
  const stream = kind === 'zlib' ? createInflate() : createInflateRaw();
  const { _handle: handle, _writeState: state } = stream as unknown as {
    _handle?: Handle;
    _writeState?: Uint32Array;
  };
  if (typeof handle?.writeSync !== 'function' || !(state instanceof Uint32Array)) {
    return documentedInflater(kind);
  }
  const more = new Uint8Array(1);
  let failure: string | undefined;
  handle.onerror = (message) => (failure = message);

  /** Returns how much of the output was left over. */
  const write = (packed: Uint8Array, from: number, output: Uint8Array): number => {
    handle.writeSync(
      constants.Z_FINISH,
      packed,
      from,
      packed.length - from,
      output,
      0,
      output.length,
    );
    if (failure !== undefined) throw new UnpackError(failure);
    return state[0] ?? 0;
  };
  return (packed, output) => {
    failure = undefined;
    handle.reset();
    const left = write(packed, 0, output);
    if (left > 0) throw tooShort(output.length - left, output.length);
    // Only a stream that has ended gives nothing more, and no error.
    if (write(packed, packed.length - (state[1] ?? 0), more) === 0) throw tooLong(output.length);
  };
}

/** The same by documented calls alone, for a Node or a substitute of it that is built otherwise. */
export function documentedInflater(kind: 'deflate' | 'zlib'): Unpacker {
  const inflate = kind === 'zlib' ? inflateSync : inflateRawSync;
  return (packed, output) => {
    let bytes: Buffer;
    try {
      bytes = inflate(packed, { maxOutputLength: output.length });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
        throw tooLong(output.length);
      }
      throw new UnpackError(error instanceof Error ? error.message : String(error));
    }
    if (bytes.length < output.length) throw tooShort(bytes.length, output.length);
    output.set(bytes);
  };
}

function tooShort(found: number, expected: number): UnpackError {
  return new UnpackError(`it gives ${found} bytes, not ${expected}`);
}

function tooLong(expected: number): UnpackError {
  return new UnpackError(`it gives more than ${expected} bytes`);
}
