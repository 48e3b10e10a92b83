// The part of a stream of node:zlib below its streaming interface. It has been the same in every
// Node since 11, and npm itself stands on it (minizlib): one call works on buffers of the caller's,
// and keeps the state of 256 KiB that would else be allocated for each block, which costs more than
// the fast levels do.

/** A coder and its state. */
export interface ZlibHandle {
  /** Codes from a buffer to another as far as it gets. */
  write(flush: number, input: Uint8Array, inputOffset: number, output: Uint8Array): Leftover;
  /** Forgets what it coded before. */
  reset(): void;
  /** Called within `write` with what is wrong with the input. */
  onError(report: (message: string) => void): void;
}

/** What a call has not used of its buffers, in bytes. */
export interface Leftover {
  readonly input: number;
  readonly output: number;
}

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
    reset(): void;
    onerror: (message: string) => void;
  };
  readonly _writeState?: Uint32Array;
}

/**
 * Of a stream that node:zlib made; undefined in a Node, or a substitute of it, that is built
 * otherwise.
 */
export function zlibHandle(stream: unknown): ZlibHandle | undefined {
  const { _handle: handle, _writeState: state } = stream as Internals;
  if (typeof handle?.writeSync !== 'function' || !(state instanceof Uint32Array)) return undefined;
  return {
    write(flush, input, inputOffset, output) {
      const inputLength = input.length - inputOffset;
      handle.writeSync(flush, input, inputOffset, inputLength, output, 0, output.length);
      const [outputLeft = 0, inputLeft = 0] = state;
      return { input: inputLeft, output: outputLeft };
    },
    reset: () => handle.reset(),
    onError: (report) => (handle.onerror = report),
  };
}
