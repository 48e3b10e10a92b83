import type { Readable } from 'node:stream';
import { KexportError, reasonOf, throwIfAborted } from '../errors.ts';

/** Bytes that come one after the other, in pieces of whatever length. */
export interface ByteStream {
  /** What people call it. */
  readonly name: string;
  /**
   * The next piece, the caller's to keep; undefined at the end. Throws a KexportError. Calls never
   * overlap.
   */
  read(signal?: AbortSignal): Promise<Buffer | undefined>;
  /** The bytes that the next pieces begin with, fewer than `length` only at the end. */
  peek(length: number, signal?: AbortSignal): Promise<Buffer>;
  /**
   * Gives a piece back whose bytes are no longer needed: `read` may fill its memory again. Nobody
   * has to.
   */
  recycle?(piece: Buffer): void;
  /** Ends what the bytes come from. */
  close(): Promise<void>;
}

/** Takes over a stream, which it destroys. */
export function byteStream(name: string, stream: Readable): ByteStream {
  return streamOfChunks(name, stream, (error, position) => {
    const where = `after ${position} bytes`;
    return new KexportError('source', `cannot read ${name} ${where}: ${reasonOf(error)}`, {
      cause: error,
    });
  });
}

/**
 * The same, with errors of the caller's: `errorOf` makes one of what the stream failed with and
 * where.
 */
export function streamOfChunks(
  name: string,
  stream: Readable,
  errorOf: (error: unknown, position: number) => unknown,
): ByteStream {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
  let position = 0;

  async function readChunk(signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    throwIfAborted(signal);
    const destroy = () => stream.destroy();
    signal?.addEventListener('abort', destroy, { once: true });
    try {
      const { value } = await chunks.next();
      throwIfAborted(signal);
      position += value?.length ?? 0;
      return value;
    } catch (error) {
      throwIfAborted(signal);
      throw errorOf(error, position);
    } finally {
      signal?.removeEventListener('abort', destroy);
    }
  }

  return peekable(name, readChunk, () => {
    stream.destroy();
    return Promise.resolve();
  });
}

/**
 * A stream of what `readChunk` answers, undefined at the end; asked again, it must say so again.
 */
export function peekable(
  name: string,
  readChunk: ByteStream['read'],
  close: ByteStream['close'],
): ByteStream {
  let peeked: Buffer | undefined;
  return {
    name,
    async read(signal) {
      const first = peeked;
      peeked = undefined;
      return first ?? readChunk(signal);
    },
    async peek(length, signal) {
      while (peeked === undefined || peeked.length < length) {
        const chunk = await readChunk(signal);
        if (!chunk) break;
        peeked = peeked ? Buffer.concat([peeked, chunk]) : chunk;
      }
      return peeked?.subarray(0, length) ?? Buffer.alloc(0);
    },
    close,
  };
}
