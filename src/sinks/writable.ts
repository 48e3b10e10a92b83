import type { Writable } from 'node:stream';
import { KexportError, reasonOf, throwIfAborted, untilAborted } from '../errors.ts';
import { openSink, type OpenSink } from './open-sink.ts';
import { type Sink, writeZeros } from './sink.ts';

/** Options of {@link writableSink}. */
export interface WritableSinkOptions {
  /** The name of the stream in messages. Default `the stream`. */
  readonly name?: string | undefined;
  /**
   * Ends the stream after the image, and destroys it if the export fails. Default true. False
   * leaves the stream open, for a caller that writes more to it.
   */
  readonly end?: boolean | undefined;
}

/**
 * A sink that sends the image to a stream as it is made. Never seeks: an image of a format that
 * does is collected in a spool file first. The stream gets copies of the buffers, which it owns.
 * Writing throws a KexportError `target` if the stream fails or is closed.
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
  /** Resolves when the stream accepts more. */
  write(bytes: Uint8Array, signal: AbortSignal | undefined): Promise<void>;
  end(): Promise<void>;
  destroy(): Promise<void>;
  release(): Promise<void>;
}

/**
 * Copies all buffers into one, since the stream may keep it after the caller of `write` reuses
 * them.
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
  writer.closed.catch(() => undefined); // each write reports its own error
  return {
    write: (bytes, signal) => untilAborted(writer.write(bytes), signal),
    end: () => writer.close(),
    destroy() {
      // Not awaited: it waits for a write under way, and nobody may read the other end.
      writer.abort(new Error('there will be no image')).catch(() => undefined);
      return Promise.resolve();
    },
    release() {
      writer.releaseLock();
      return Promise.resolve();
    },
  };
}

function nodeWriter(stream: Writable): Writer {
  let failure: Error | undefined;
  const onError = (error: Error) => void (failure ??= error); // each write reports its own error
  stream.on('error', onError);

  /** Waits until `start` has called `done`, or fails if the stream is closed before. */
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
