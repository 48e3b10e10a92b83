import { ZStream, zlibInflate, zlibInflateInit2, zlibInflateReset } from 'pako';
import type { InflateKind } from './host.ts';
import type { Leftover, ZlibHandle } from './zlib-handle.ts';

// As in inflateInit2 of zlib: a window of 32 KiB, and no header (negative), zlib's, or gzip's (16
// more).
const WINDOW_BITS: Readonly<Record<InflateKind, number>> = { deflate: -15, zlib: 15, gzip: 31 };

// Of zlib.h.
const Z_FINISH = 4;
const Z_STREAM_END = 1;
const Z_NEED_DICT = 2;
const Z_BUF_ERROR = -5;

/** The same, and whether the stream has ended. */
export interface PakoLeftover extends Leftover {
  readonly hasEnded: boolean;
}

/** A decompressor in JavaScript, which works as those of Node. */
export interface PakoHandle extends ZlibHandle {
  write(flush: 0 | 4, input: Uint8Array, inputOffset: number, output: Uint8Array): PakoLeftover;
}

export function pakoHandle(kind: InflateKind): PakoHandle {
  const stream = new ZStream();
  zlibInflateInit2(stream, WINDOW_BITS[kind]);
  let report: (message: string) => void = () => undefined;

  return {
    write(flush, input, inputOffset, output) {
      stream.input = input;
      stream.next_in = inputOffset;
      stream.avail_in = input.length - inputOffset;
      stream.output = output as Uint8Array<ArrayBuffer>; // it only calls `set` and `subarray`
      stream.next_out = 0;
      stream.avail_out = output.length;
      const status = zlibInflate(stream, flush);
      const isCutOff = status === 0 || status === Z_BUF_ERROR;
      if (isCutOff && flush === Z_FINISH && stream.avail_out > 0) report('unexpected end of file');
      else if (status === Z_NEED_DICT) report('Missing dictionary');
      else if (status < 0 && status !== Z_BUF_ERROR) report(stream.msg || `error ${status}`);
      const hasEnded = status === Z_STREAM_END;
      return { input: stream.avail_in, output: stream.avail_out, hasEnded };
    },
    reset() {
      zlibInflateReset(stream);
    },
    onError(listener) {
      report = listener;
    },
  };
}
