import { Decompress } from 'fzstd';
import type { ZlibHandle } from '../runtime/zlib-handle.ts';

/**
 * Bytes that fzstd gets at a time. It gives all that they hold, and a block of 4 bytes may hold
 * 128 KiB of one byte ("RLE_Block").
 */
const FED = 256;

/** A decompressor of zstd. */
export interface ZstdHandle extends Pick<ZlibHandle, 'write' | 'onError'> {
  /** Says that all input was written; `write` then gives what was held back. Optional. */
  end?(): void;
}

/**
 * A decompressor of zstd in JavaScript, which works as that of Node: for all frames of a file. It
 * holds back a last frame of less than 18 bytes until the end.
 */
export function fzstdHandle(): ZstdHandle & Required<Pick<ZstdHandle, 'end'>> {
  let report: (message: string) => void = () => undefined;
  const waiting: Uint8Array[] = [];
  const decoder = new Decompress((piece) => {
    if (piece.length > 0) waiting.push(piece);
  });

  return {
    write(_flush, input, inputOffset, output) {
      let fed = inputOffset;
      let filled = 0;
      attempt(() => {
        while (filled < output.length) {
          const [piece] = waiting;
          if (piece) {
            const part = piece.subarray(0, output.length - filled);
            output.set(part, filled);
            filled += part.length;
            if (part.length === piece.length) waiting.shift();
            else waiting[0] = piece.subarray(part.length);
          } else if (fed < input.length) {
            decoder.push(input.slice(fed, fed + FED));
            fed = Math.min(fed + FED, input.length);
          } else break;
        }
      });
      return { input: input.length - fed, output: output.length - filled };
    },
    end: () => attempt(() => void decoder.push(new Uint8Array(), true)),
    onError(listener) {
      report = listener;
    },
  };

  function attempt(work: () => void): void {
    try {
      work();
    } catch (error) {
      report(error instanceof Error ? error.message : String(error));
    }
  }
}
