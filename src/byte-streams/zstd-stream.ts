// Decompresses a zstd file by Node's zlib. Its own stream ends after the first frame, so that the
// handle below it is used. Where there is no zlib at all, fzstd does it, in JavaScript.

import { host } from '#host';
import { zstdFrames } from '../../formats/zstd/frames.ts';
import { KexportError, throwIfAborted } from '../errors.ts';
import { zlibHandle } from '../runtime/zlib-handle.ts';
import { type ByteStream, peekable } from './byte-stream.ts';
import { fzstdHandle, type ZstdHandle } from './fzstd-handle.ts';

/** Bytes per piece of the output. */
const CHUNK_SIZE = 1 << 18;

/** Largest window, in bytes. */
const MAX_WINDOW = 2 ** 27;

// The types are those of the oldest supported Node, which has no zstd.
interface Zstd {
  readonly createZstdDecompress?: (options: object) => unknown;
}

const ZSTD_E_CONTINUE = 0;

/**
 * Decompresses all frames of a stream. Owns `packed`, unless it throws a KexportError because this
 * Node has no zstd. A window above 128 MiB is refused, as the zstd program does.
 */
export function zstdStream(packed: ByteStream): ByteStream {
  const { name } = packed;
  const handle = openHandle();
  if (!handle) throw noZstd(name);
  const frames = zstdFrames();
  let input: Uint8Array = new Uint8Array();
  let used = 0;
  let position = 0;
  let hasEnded = false;
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
        if (hasEnded || !handle?.end) return undefined;
        hasEnded = true;
        handle.end();
        continue;
      }
      frames.push(piece);
      if (frames.window > MAX_WINDOW) throw damaged('its window is larger than 128 MiB');
      input = piece;
      used = 0;
    }
  }

  /** What the rest of `input` gives; 0 once it is used up. */
  function decompress(output: Buffer): number {
    const left = handle!.write(ZSTD_E_CONTINUE, input, used, output); // checked above
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

function openHandle(): ZstdHandle | undefined {
  const zlib = host.zlib() as Zstd | undefined;
  if (!zlib) return fzstdHandle();
  return zlib.createZstdDecompress && zlibHandle(zlib.createZstdDecompress({}));
}

function noZstd(name: string): KexportError {
  const what = `${name} is compressed with zstd, which ${host.name} cannot read`;
  return new KexportError('unsupported', what, {
    hint: 'Node 22.15 and newer can; or unpack it first: zstd -d FILE',
  });
}
