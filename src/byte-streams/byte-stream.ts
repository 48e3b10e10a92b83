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

/** A piece that a stream has given. Throws a KexportError for what is no bytes, such as text. */
export function bytesOf(name: string, piece: unknown): Buffer {
  if (Buffer.isBuffer(piece)) return piece;
  if (piece instanceof Uint8Array) return Buffer.from(piece.buffer, piece.byteOffset, piece.length);
  throw new KexportError('source', `${name} gives a piece of type ${typeof piece}, not bytes`);
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
