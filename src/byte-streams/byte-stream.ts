import type { Readable } from 'node:stream';
import { KexportError, reasonOf, throwIfAborted } from '../errors.ts';

/** A stream of bytes, in pieces of any length. */
export interface ByteStream {
  /** The name of the stream in messages. */
  readonly name: string;
  /**
   * The next piece, which the caller owns; undefined at the end. Throws a KexportError. Calls must
   * not overlap.
   */
  read(signal?: AbortSignal): Promise<Buffer | undefined>;
  /** The bytes that the next pieces begin with, fewer than `length` only at the end. */
  peek(length: number, signal?: AbortSignal): Promise<Buffer>;
  /**
   * Returns a piece whose bytes are no longer needed, so that `read` can reuse its memory.
   * Optional.
   */
  recycle?(piece: Buffer): void;
  /** Closes the stream and its source. */
  close(): Promise<void>;
}

/** Makes a byte stream of a Readable. Owns it; `close` destroys it. */
export function byteStream(name: string, stream: Readable): ByteStream {
  return streamOfChunks(name, stream, (error, position) => {
    const where = `after ${position} bytes`;
    return new KexportError('source', `cannot read ${name} ${where}: ${reasonOf(error)}`, {
      cause: error,
    });
  });
}

/**
 * The same with other errors: `errorOf` makes one from the error of the stream and the position.
 */
export function streamOfChunks(
  name: string,
  stream: Readable,
  errorOf: (error: unknown, position: number) => unknown,
): ByteStream {
  const chunks = stream[Symbol.asyncIterator]() as AsyncIterator<unknown, undefined>;
  let position = 0;

  async function readChunk(signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    throwIfAborted(signal);
    const destroy = () => stream.destroy();
    signal?.addEventListener('abort', destroy, { once: true });
    let piece: IteratorResult<unknown, undefined>;
    try {
      piece = await chunks.next();
      throwIfAborted(signal);
    } catch (error) {
      throwIfAborted(signal);
      throw errorOf(error, position);
    } finally {
      signal?.removeEventListener('abort', destroy);
    }
    if (piece.done) return undefined;
    const chunk = bytesOf(name, piece.value);
    position += chunk.length;
    return chunk;
  }

  return peekable(name, readChunk, () => {
    stream.destroy();
    return Promise.resolve();
  });
}

/**
 * A piece of a stream as a Buffer. Throws a KexportError if it is not bytes, but text for example.
 */
export function bytesOf(name: string, piece: unknown): Buffer {
  if (Buffer.isBuffer(piece)) return piece;
  if (piece instanceof Uint8Array) return Buffer.from(piece.buffer, piece.byteOffset, piece.length);
  throw new KexportError('source', `${name} gives a piece of type ${typeof piece}, not bytes`);
}

/**
 * Makes a byte stream of the pieces that `readChunk` returns. At the end it must return undefined,
 * also if it is called again.
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
