import { ZipWriter } from '@zip.js/zip.js';
import { settle, type Sink, writeZeros } from './sink.ts';

/** Options of {@link zipped}. */
export interface ZipOptions {
  /** Name of the image in the archive. */
  readonly entryName: string;
  /** Level of compression, 1 to 9. */
  readonly level: number;
  /** Time of the image, in seconds since 1970. */
  readonly createdAt: number;
}

/**
 * Wraps an image in a Zip64 archive as it is written. The image cannot be patched, so only formats
 * that stream are possible.
 */
export function zipped(sink: Sink, { entryName, level, createdAt }: ZipOptions): Sink {
  let length = 0;
  let signal: AbortSignal | undefined;
  const archive = new ZipWriter(
    new WritableStream<Uint8Array>({
      async write(bytes) {
        await sink.write(length, [bytes], signal);
        length += bytes.length;
      },
    }),
    { zip64: true, useWebWorkers: false, level, lastModDate: new Date(createdAt * 1000) },
  );
  const image = new TransformStream<Uint8Array, Uint8Array>();
  const input = image.writable.getWriter();
  const added = archive.add(entryName, image.readable);
  // An error of the archive becomes the error of the next write to the image.
  added.catch((error: unknown) => input.abort(error).catch(() => undefined));

  const self: Sink = {
    name: sink.name,
    seekable: false,
    get fileSize() {
      return length;
    },
    get allocated() {
      return sink.allocated;
    },
    get traffic() {
      return sink.traffic;
    },
    get ids() {
      return sink.ids;
    },
    async write(_imageOffset, buffers, current) {
      signal = current;
      for (const buffer of buffers) {
        // A copy, since the archive may keep it after the caller reuses the buffer.
        await input.write(Uint8Array.from(buffer));
      }
    },
    zeros: (imageOffset, count, current) => writeZeros(self, imageOffset, count, current),
    async finish(_length, current, onProgress) {
      await input.close();
      await added;
      await archive.close();
      await sink.finish(length, current, onProgress);
    },
    commit: () => sink.commit(),
    settle: () => settle(sink),
    discard: () => sink.discard(),
  };
  return self;
}
