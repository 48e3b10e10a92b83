// `#inflated` for a browser: decompresses by a handle, as zstd-stream.ts does. The browser's own
// DecompressionStream takes one member of a gzip file alone, and does not say where it ends.

import { KexportError, throwIfAborted } from '../errors.ts';
import { pakoHandle } from '../runtime/pako-handle.ts';
import { type ByteStream, peekable } from './byte-stream.ts';

/** Bytes per piece of the output. */
const CHUNK_SIZE = 1 << 18;

const Z_NO_FLUSH = 0;

/** The first byte of a member of a gzip file. */
const GZIP_ID1 = 0x1f;

/** See inflated.ts. */
export function inflatedStream(packed: ByteStream, kind: 'gzip' | 'deflate'): ByteStream {
  const { name } = packed;
  const handle = pakoHandle(kind);
  let input: Uint8Array = new Uint8Array();
  let used = 0;
  let position = 0;
  let hasEnded = false; // the last member
  let failure: string | undefined;
  handle.onError((message) => (failure = message));

  async function readChunk(signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    const output = Buffer.allocUnsafeSlow(CHUNK_SIZE);
    for (;;) {
      throwIfAborted(signal);
      const produced = decompress(output);
      if (produced > 0) return output.subarray(0, produced);
      if (used < input.length) continue;
      const piece = await packed.read(signal);
      if (!piece) {
        if (!hasEnded) throw damaged('unexpected end of file');
        return undefined;
      }
      input = piece;
      used = 0;
    }
  }

  /** What the rest of `input` gives; 0 once it is used up, or a member has ended. */
  function decompress(output: Buffer): number {
    if (hasEnded && used < input.length) startMember();
    const left = handle.write(Z_NO_FLUSH, input, used, output);
    if (failure !== undefined) throw damaged(failure);
    used = input.length - left.input;
    hasEnded = left.hasEnded;
    position += output.length - left.output;
    return output.length - left.output;
  }

  function startMember(): void {
    if (kind === 'deflate' || input[used] !== GZIP_ID1) {
      throw damaged('other bytes follow the packed ones');
    }
    handle.reset();
    hasEnded = false;
  }

  function damaged(reason: string): KexportError {
    const what = `${name} is damaged: unpacked to ${position} bytes, then ${reason}`;
    return new KexportError('damaged', what);
  }

  return peekable(name, readChunk, () => packed.close());
}
