import type { FileHandle } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { KexportError, reasonOf, untilAborted } from '../errors.ts';
import { held } from '../runtime/held.ts';
import { type ByteStream, byteStream, bytesOf, peekable } from './byte-stream.ts';

/**
 * An input that is read piece by piece: a stream of Node or of the web, or any iterable of bytes.
 */
export type ByteInput = Readable | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** An input of bytes: memory, an open file of node:fs/promises, or a stream. */
export type BytesFrom = Uint8Array | Blob | FileHandle | ByteInput;

/** Options of {@link byteStreamFrom}. */
export interface ByteStreamOptions {
  /** The name of the input in messages. Default: its kind, such as `the stream`. */
  readonly name?: string | undefined;
}

/**
 * Makes a byte stream of any input. Owns a stream or an iterable, and ends it when it is closed;
 * the caller owns a file, which stays open and is read from its first byte.
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

/** The default name of an input in messages. */
export function nameOf(input: BytesFrom): string {
  if (input instanceof Uint8Array) return 'memory';
  if (input instanceof Blob) return input instanceof File ? input.name : 'a blob';
  return isFileHandle(input) ? `file descriptor ${input.fd}` : 'the stream';
}

/** Whether an input is an open file of node:fs/promises, whose class is not exported. */
export function isFileHandle(input: object): input is FileHandle {
  return 'fd' in input && 'createReadStream' in input;
}

function isReadable(input: Readable | AsyncIterable<Uint8Array>): input is Readable {
  return 'destroy' in input && 'pipe' in input;
}

function webStream(name: string, stream: ReadableStream<Uint8Array>): ByteStream {
  const reader = stream.getReader();
  return iterated(name, { next: () => held(reader, reader.read()), return: () => reader.cancel() });
}

/** The common interface of an iterator and the reader of a web stream. */
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
    // Not waited for: a generator only returns after the promise that it waits for has settled.
    void Promise.resolve(pieces.return?.()).catch(() => undefined);
    return Promise.resolve();
  });
}
