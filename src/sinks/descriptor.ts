import { fstatSync } from 'node:fs';
import { Socket } from 'node:net';
import { KexportError, reasonOf, throwIfAborted } from '../errors.ts';
import { systemFile } from '../host/descriptors.ts';
import { writeFully } from '../host/write-fully.ts';
import { openSink, type OpenSink } from './open-sink.ts';
import { type Sink, writeZeros } from './sink.ts';

/** Options of {@link descriptorSink}. */
export interface DescriptorSinkOptions {
  /** Closes the descriptor at the end. Default false: the caller owns it. */
  readonly owned?: boolean | undefined;
}

/**
 * A sink that writes the image to an open file descriptor, such as 1 for standard output. Never
 * seeks.
 */
export function descriptorSink(
  fd: number,
  name: string,
  { owned = false }: DescriptorSinkOptions = {},
): OpenSink {
  const { isFIFO, isSocket } = kindOf(fd);
  // A write to a full pipe blocks its thread until the reader goes on, and a blocked thread keeps
  // Node from exiting. A Socket waits without a thread.
  const send = isFIFO || isSocket ? socketWriter(fd) : fileWriter(fd, owned);
  const sink: Sink = {
    name,
    seekable: false,
    async write(_imageOffset, buffers, signal) {
      throwIfAborted(signal);
      try {
        await send.write(buffers, signal);
      } catch (error) {
        if (signal?.aborted) throw new KexportError('aborted', 'interrupted', { cause: error });
        throw new KexportError('target', `cannot write to ${name}: ${reasonOf(error)}`, {
          cause: error,
        });
      }
    },
    zeros: (imageOffset, count, signal) => writeZeros(sink, imageOffset, count, signal),
    finish: () => Promise.resolve(),
    commit: () => send.end(),
    discard: () => send.end(),
  };
  return openSink(sink);
}

function kindOf(fd: number): { isFIFO: boolean; isSocket: boolean } {
  const stat = fstatSync(fd);
  return { isFIFO: stat.isFIFO(), isSocket: stat.isSocket() };
}

interface Writer {
  write(buffers: readonly Uint8Array[], signal: AbortSignal | undefined): Promise<void>;
  end(): Promise<void>;
}

function fileWriter(fd: number, owned: boolean): Writer {
  const file = systemFile(fd);
  let open = owned;
  return {
    write: (buffers) => writeFully(file, undefined, buffers),
    async end() {
      if (open) await file.close();
      open = false;
    },
  };
}

function socketWriter(fd: number): Writer {
  const socket = new Socket({ fd, readable: false, writable: true });
  socket.on('error', () => undefined); // each write reports its own error
  return {
    write: (buffers, signal) =>
      new Promise((resolve, reject) => {
        const give = () => socket.destroy();
        signal?.addEventListener('abort', give, { once: true });
        const done = (error?: Error | null) => {
          signal?.removeEventListener('abort', give);
          if (error) reject(error);
          else resolve();
        };
        socket.cork();
        for (const buffer of buffers.slice(0, -1)) socket.write(buffer);
        socket.write(buffers.at(-1) ?? new Uint8Array(), done);
        socket.uncork();
      }),
    end: () =>
      new Promise((resolve) => {
        if (socket.destroyed) resolve();
        else socket.end(resolve);
      }),
  };
}
