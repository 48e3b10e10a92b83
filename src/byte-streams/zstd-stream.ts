// Decompresses a zstd file by Node's zlib. Its own stream ends after the first frame, so that the
// handle below it is used.

import * as zlib from 'node:zlib';
import { zstdFrames } from '../../formats/zstd/frames.ts';
import { KexportError, throwIfAborted } from '../errors.ts';
import { zlibHandle } from '../runtime/zlib-handle.ts';
import { type ByteStream, peekable } from './byte-stream.ts';

/** Bytes per piece of the output. */
const CHUNK_SIZE = 1 << 18;

// The types are those of the oldest supported Node, which has no zstd.
const { createZstdDecompress, constants } = zlib as unknown as {
  readonly createZstdDecompress?: (options: object) => unknown;
  readonly constants: { readonly ZSTD_e_continue: number };
};

/**
 * Decompresses all frames of a stream. Owns `packed`, unless it throws a KexportError because this
 * Node has no zstd. A window above 128 MiB is refused, as the zstd program does.
 */
export function zstdStream(packed: ByteStream): ByteStream {
  const { name } = packed;
  const handle = createZstdDecompress && zlibHandle(createZstdDecompress({}));
  if (!handle) throw noZstd(name);
  const frames = zstdFrames();
  let input: Uint8Array = new Uint8Array();
  let used = 0;
  let position = 0;
  let failure: string | undefined;
  handle.onError((message) => (failure = message));

  async function readChunk(signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    const output = Buffer.allocUnsafeSlow(CHUNK_SIZE);
    for (;;) {
      throwIfAborted(signal);
      const produced = decompress(output);
      if (produced > 0) return output.subarray(0, produced);
      const piece = await packed.read(signal);
      if (!piece) {
        if (!frames.isWhole()) throw damaged('it ends within a frame');
        return undefined;
      }
      frames.push(piece);
      input = piece;
      used = 0;
    }
  }

  /** What the rest of `input` gives; 0 once it is used up. */
  function decompress(output: Buffer): number {
    const left = handle!.write(constants.ZSTD_e_continue, input, used, output); // checked above
    if (failure !== undefined) throw damaged(failure);
    used = input.length - left.input;
    position += output.length - left.output;
    return output.length - left.output;
  }

  function damaged(reason: string): KexportError {
    return new KexportError(
      'damaged',
      `${name} is damaged: unpacked to ${position} bytes, then ${reason}`,
    );
  }

  return peekable(name, readChunk, () => packed.close());
}

function noZstd(name: string): KexportError {
  const what = `${name} is compressed with zstd, which Node ${process.version} cannot read`;
  return new KexportError('unsupported', what, {
    hint: 'Node 22.15 and newer can; or unpack it first: zstd -d FILE',
  });
}
