import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { KexportError, reasonOf, untilAborted } from '../errors.ts';
import { type ByteStream, byteStream, bytesOf, peekable } from './byte-stream.ts';

/**
 * What bytes come from piece by piece: a stream of Node or of the web, or any iterable of bytes.
 */
export type ByteInput = Readable | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** What bytes come from: in memory, in an open file of node:fs/promises, or piece by piece. */
export type BytesFrom = Uint8Array | Blob | FileHandle | ByteInput;

/** Options of {@link byteStreamFrom}. */
export interface ByteStreamOptions {
  /** What messages call the bytes. Default: what they are, such as `the stream`. */
  readonly name?: string | undefined;
}

/**
 * Bytes to be read once, of whatever they come from. Takes over a stream or an iterable, which is
 * ended with the byte stream; a file stays open, and is read from its first byte.
 */
export function byteStreamFrom(
  input: BytesFrom,
  { name = nameOf(input) }: ByteStreamOptions = {},
): ByteStream {
  if (input instanceof Uint8Array) return iterated(name, [input].values());
  if (input instanceof Blob) return webStream(name, input.stream());
  if ('getReader' in input) return webStream(name, input);
  if (isFileHandle(input)) {
    return byteStream(name, input.createReadStream({ start: 0, autoClose: false }));
  }
  if (isReadable(input)) return byteStream(name, input);
  return iterated(name, input[Symbol.asyncIterator]());
}

/** What messages call bytes that nobody has given a name. */
export function nameOf(input: BytesFrom): string {
  if (input instanceof Uint8Array) return 'memory';
  if (input instanceof Blob) return input instanceof File ? input.name : 'a blob';
  return isFileHandle(input) ? `file descriptor ${input.fd}` : 'the stream';
}

/** Whether it is an open file of node:fs/promises, whose class cannot be named. */
export function isFileHandle(input: object): input is FileHandle {
  return 'fd' in input && 'createReadStream' in input;
}

function isReadable(input: Readable | AsyncIterable<Uint8Array>): input is Readable {
  return 'destroy' in input && 'pipe' in input;
}

function webStream(name: string, stream: ReadableStream<Uint8Array>): ByteStream {
  const reader = stream.getReader();
  return iterated(name, { next: () => reader.read(), return: () => reader.cancel() });
}

/** What an iterator and the reader of a stream have in common. */
interface Pieces {
  next(): Piece | Promise<Piece>;
  return?(): unknown;
}

type Piece = IteratorResult<unknown, unknown>;

function iterated(name: string, pieces: Pieces): ByteStream {
  let position = 0;

  async function readPiece(signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    const { value, done } = await untilAborted(attempt(), signal);
    if (done) return undefined;
    const piece = bytesOf(name, value);
    position += piece.length;
    return piece;
  }

  async function attempt(): Promise<Piece> {
    try {
      return await pieces.next();
    } catch (cause) {
      const where = `after ${position} bytes`;
      const what = `cannot read ${name} ${where}: ${reasonOf(cause)}`;
      throw new KexportError('source', what, { cause });
    }
  }

  return peekable(name, readPiece, () => {
    // Not waited for: a generator returns only after what it waits for.
    void Promise.resolve(pieces.return?.()).catch(() => undefined);
    return Promise.resolve();
  });
}
