// The undocumented handle below a stream of node:zlib. It has been the same in every Node since 11,
// and npm itself depends on it (minizlib). One call works on the caller's buffers and keeps the
// state of 256 KiB, which would otherwise be allocated for each block and cost more than the fast
// levels do.

/** A coder and its state. */
export interface ZlibHandle {
  /** Codes from one buffer into another as far as their sizes allow. */
  write(flush: number, input: Uint8Array, inputOffset: number, output: Uint8Array): Leftover;
  /** Resets the state for a new stream. */
  reset(): void;
  /** Calls `report` within `write` with what is wrong with the input. */
  onError(report: (message: string) => void): void;
}

/** How much of its buffers a call has not used, in bytes. */
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
 * The handle of a stream from node:zlib; undefined in a Node, or a replacement of it, that has
 * none.
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
