// Decompresses a stream by zlib: a gzip file, or an entry of a zip archive.

import { pipeline, Readable } from 'node:stream';
import { createGunzip, createInflateRaw } from 'node:zlib';
import { KexportError } from '../errors.ts';
import { type ByteStream, peekable, streamOfChunks } from './byte-stream.ts';

/** Bytes per piece of zlib's output. */
const CHUNK_SIZE = 1 << 18;

/**
 * Decompresses a stream: all members of a gzip file, or one raw deflate stream. Owns `packed`. Any
 * bytes that follow are an error. Damage is found by the end at the latest, where gzip has its
 * CRC-32.
 */
export function inflatedStream(packed: ByteStream, kind: 'gzip' | 'deflate'): ByteStream {
  const { name } = packed;
  const stop = new AbortController();
  let fed = 0;
  const inflate = { gzip: createGunzip, deflate: createInflateRaw }[kind]({
    chunkSize: CHUNK_SIZE,
  });
  const input = Readable.from(pieces(), { highWaterMark: 1 });
  // An error of either stream is thrown by `output.read`.
  pipeline(input, inflate, () => undefined);

  const output = streamOfChunks(name, inflate, (error, position) =>
    // Not `reasonOf`: error numbers of zlib are not those of the operating system.
    error instanceof Error && !(error instanceof KexportError)
      ? damaged(position, error.message, error)
      : error,
  );

  async function* pieces(): AsyncGenerator<Buffer> {
    for (;;) {
      const piece = await packed.read(stop.signal);
      if (!piece) return;
      fed += piece.length;
      yield piece;
    }
  }

  function damaged(position: number, reason: string, cause?: unknown): KexportError {
    const what = `${name} is damaged: unpacked to ${position} bytes, then ${reason}`;
    return new KexportError('damaged', what, { cause });
  }

  let unpacked = 0;
  return peekable(
    name,
    async (signal) => {
      const chunk = await output.read(signal);
      unpacked += chunk?.length ?? 0;
      // zlib stops at bytes that it does not recognize as part of the stream, such as zeros.
      if (!chunk && inflate.bytesWritten < fed) {
        throw damaged(unpacked, 'other bytes follow the packed ones');
      }
      return chunk;
    },
    async () => {
      stop.abort();
      await output.close();
      input.destroy();
      await packed.close();
    },
  );
}
