import { KexportError } from '../errors.ts';
import type { Sink } from './sink.ts';

/** An image in memory. */
export interface MemorySink extends Sink {
  /** The image, always the same array. Throws an Error before `encode` has succeeded. */
  bytes(): Uint8Array;
}

/** Options of {@link memorySink}. */
export interface MemorySinkOptions {
  /** The name of the image in messages. Default `memory`. */
  readonly name?: string | undefined;
}

// Bytes. Chunks without data take no memory until the image is complete.
const CHUNK_SIZE = 2 ** 20;

/**
 * A sink that keeps the image in memory, for `bytes()` once `encode` has returned. For a moment it
 * needs twice the memory of the image.
 */
export function memorySink({ name = 'memory' }: MemorySinkOptions = {}): MemorySink {
  const chunks = new Map<number, Uint8Array>();
  let image: Uint8Array | undefined;
  let committed = false;

  return {
    name,
    seekable: true,
    write(imageOffset, buffers) {
      let at = imageOffset;
      for (const buffer of buffers) {
        put(at, buffer);
        at += buffer.length;
      }
      return Promise.resolve();
    },
    zeros: () => Promise.resolve(),
    read(imageOffset, buffer) {
      const found = image ? image.subarray(imageOffset) : restOfChunk(imageOffset);
      const bytes = found.subarray(0, buffer.length);
      buffer.set(bytes);
      return Promise.resolve(bytes.length);
    },
    finish(length) {
      image = allocate(length);
      for (const [index, chunk] of chunks) {
        const at = index * CHUNK_SIZE;
        image.set(chunk.subarray(0, Math.max(0, length - at)), at);
        chunks.delete(index);
      }
      return Promise.resolve();
    },
    commit() {
      committed = true;
      return Promise.resolve();
    },
    discard() {
      chunks.clear();
      image = undefined;
      return Promise.resolve();
    },
    bytes() {
      if (!image || !committed) throw new Error(`the image in ${name} is not complete`);
      return image;
    },
  };

  /** What is there from an offset to the end of its chunk, before the image is complete. */
  function restOfChunk(imageOffset: number): Uint8Array {
    const chunk = chunks.get(Math.floor(imageOffset / CHUNK_SIZE)) ?? new Uint8Array(CHUNK_SIZE);
    return chunk.subarray(imageOffset % CHUNK_SIZE);
  }

  function put(imageOffset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length;) {
      const index = Math.floor((imageOffset + done) / CHUNK_SIZE);
      const from = imageOffset + done - index * CHUNK_SIZE;
      const piece = bytes.subarray(done, done + CHUNK_SIZE - from);
      let chunk = chunks.get(index);
      if (!chunk) chunks.set(index, (chunk = new Uint8Array(CHUNK_SIZE)));
      chunk.set(piece, from);
      done += piece.length;
    }
  }

  function allocate(length: number): Uint8Array {
    try {
      return new Uint8Array(length);
    } catch (cause) {
      throw new KexportError('target', `${name} cannot hold an image of ${length} bytes`, {
        cause,
      });
    }
  }
}
