import type { Writable } from 'node:stream';
import { KexportError, reasonOf, throwIfAborted, untilAborted } from '../errors.ts';
import { openSink, type OpenSink } from './open-sink.ts';
import { type Sink, writeZeros } from './sink.ts';

/** Options of {@link writableSink}. */
export interface WritableSinkOptions {
  /** What messages call the stream. Default `the stream`. */
  readonly name?: string | undefined;
  /**
   * Ends the stream after the image, and destroys it where there will be none. Default true; false
   * leaves the stream open, as for one that goes on with something else.
   */
  readonly end?: boolean | undefined;
}

/**
 * An image sent to a stream as it is made. Never goes back: a format that does is collected in a
 * spool file first. What is written is the stream's, a copy. Writing throws a KexportError `target`
 * where the stream fails or is closed.
 */
export function writableSink(
  stream: WritableStream<Uint8Array> | Writable,
  { name = 'the stream', end = true }: WritableSinkOptions = {},
): OpenSink {
  const writer = 'getWriter' in stream ? webWriter(stream) : nodeWriter(stream);
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (cause) {
      if (cause instanceof KexportError) throw cause;
      throw new KexportError('target', `cannot write to ${name}: ${reasonOf(cause)}`, { cause });
    }
  };
  const sink: Sink = {
    name,
    seekable: false,
    async write(_imageOffset, buffers, signal) {
      throwIfAborted(signal);
      await attempt(() => writer.write(joined(buffers), signal));
    },
    zeros: (imageOffset, count, signal) => writeZeros(sink, imageOffset, count, signal),
    finish: () => Promise.resolve(),
    commit: () => attempt(() => (end ? writer.end() : writer.release())),
    discard: () => (end ? writer.destroy() : writer.release()),
  };
  return openSink(sink);
}

interface Writer {
  /** Resolves when the stream takes more. */
  write(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void>;
  end(): Promise<void>;
  destroy(): Promise<void>;
  release(): Promise<void>;
}

/**
 * One array for all, which the stream may hold on to for longer than the caller of `write` does.
 */
function joined(buffers: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(buffers.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const buffer of buffers) {
    bytes.set(buffer, at);
    at += buffer.length;
  }
  return bytes;
}

function webWriter(stream: WritableStream<Uint8Array>): Writer {
  const writer = stream.getWriter();
  writer.closed.catch(() => undefined); // each write reports its own
  return {
    write: (bytes, signal) => untilAborted(writer.write(bytes), signal),
    end: () => writer.close(),
    destroy: () => writer.abort(new Error('there will be no image')).catch(() => undefined),
    release() {
      writer.releaseLock();
      return Promise.resolve();
    },
  };
}

function nodeWriter(stream: Writable): Writer {
  let failure: Error | undefined;
  const onError = (error: Error) => void (failure ??= error); // each write reports its own
  stream.on('error', onError);

  /** Starts what ends with a call of `done`, or with the stream, which may be closed before. */
  const untilDone = (start: (done: (error?: Error | null) => void) => void) =>
    new Promise<void>((resolve, reject) => {
      const onClose = () => reject(failure ?? new Error('it was closed'));
      stream.once('close', onClose);
      start((error) => {
        stream.off('close', onClose);
        if (error) reject(error);
        else resolve();
      });
    });

  return {
    write: (bytes, signal) =>
      untilAborted(
        untilDone((done) => stream.write(bytes, done)),
        signal,
      ),
    end: () => untilDone((done) => stream.end(done)),
    destroy() {
      stream.destroy();
      return Promise.resolve();
    },
    release() {
      stream.off('error', onError);
      return Promise.resolve();
    },
  };
}
