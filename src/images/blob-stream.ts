import type { ReadableStream, ReadableStreamBYOBReader } from 'node:stream/web';
import { held } from '../runtime/held.ts';

/** The bytes of a Blob from front to back. */
export interface BlobStream {
  /**
   * The next bytes: at least one and at most so many, or none at the end. They are good until the
   * next call. Calls must not overlap.
   */
  take(most: number): Promise<Uint8Array>;
  close(): void;
}

/** In bytes. */
const BUFFER_SIZE = 2 ** 20;

const NOTHING = new Uint8Array(0);

/**
 * Reads a Blob by one stream, which takes a browser less than a tenth of the time of as many
 * slices: for each of these it starts anew, in memory that the system has to clear.
 */
export function blobStream(blob: Blob): BlobStream {
  const stream = blob.stream() as ReadableStream<Uint8Array<ArrayBuffer>>;
  return ofBytes(stream) ?? ofChunks(stream);
}

/** Fills the same memory again and again; undefined where the browser cannot do so. */
function ofBytes(stream: ReadableStream): BlobStream | undefined {
  let reader: ReadableStreamBYOBReader;
  try {
    reader = stream.getReader({ mode: 'byob' });
  } catch {
    return undefined;
  }
  let memory = new ArrayBuffer(BUFFER_SIZE);
  return {
    async take(most) {
      const length = Math.min(most, BUFFER_SIZE);
      const view = new Uint8Array(memory, 0, length);
      const { value } = await held(reader, reader.read(view, { min: length }));
      if (!value) return NOTHING;
      memory = value.buffer;
      return value;
    },
    close: () => void reader.cancel().catch(() => undefined),
  };
}

function ofChunks(stream: ReadableStream<Uint8Array<ArrayBuffer>>): BlobStream {
  const reader = stream.getReader();
  let left = NOTHING;
  return {
    async take(most) {
      if (left.length === 0) left = (await held(reader, reader.read())).value ?? NOTHING;
      const taken = left.subarray(0, most);
      left = left.subarray(taken.length);
      return taken;
    },
    close: () => void reader.cancel().catch(() => undefined),
  };
}
