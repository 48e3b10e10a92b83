import { configure, ZipWriter } from '@zip.js/zip.js';
import { settle, type Sink, writeZeros } from './sink.ts';

/** A transform of a stream into a gzip member, and what it uses. */
export interface Gzip {
  readonly stream: TransformStream<Uint8Array, Uint8Array>;
  /** Releases what it uses, whatever became of the stream. */
  close(): Promise<void>;
}

/** Options of {@link zipped}. */
export interface ZipOptions {
  /** Name of the image in the archive. */
  readonly entryName: string;
  /** Time of the image, in seconds since 1970. */
  readonly createdAt: number;
  /** Compresses the image. The archive takes the deflate stream and the CRC-32 out of it. */
  readonly gzip: Gzip;
}

/** The stream for the entry that is being added, and who waits until zip.js has taken it. */
let next: { readonly stream: Gzip['stream']; taken(): void } | undefined;

/** What zip.js makes in the place of the platform's, which has one thread and one level. */
class CompressionByWorkers {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;

  constructor(format: string) {
    if (format === 'gzip') next?.taken();
    // Of other formats it only asks whether they are there.
    const stream = (format === 'gzip' ? next?.stream : undefined) ?? new TransformStream();
    ({ readable: this.readable, writable: this.writable } = stream);
  }
}

/**
 * Wraps an image in a Zip64 archive as it is written. The image cannot be patched, so only formats
 * that stream are possible. Calls must not overlap.
 */
export async function zipped(
  sink: Sink,
  { entryName, createdAt, gzip }: ZipOptions,
): Promise<Sink> {
  let length = 0;
  let signal: AbortSignal | undefined;
  let writing = Promise.resolve();
  let isDiscarded = false;
  configure({ CompressionStream: CompressionByWorkers });
  const archive = new ZipWriter(
    new WritableStream<Uint8Array>({
      async write(bytes) {
        if (isDiscarded) throw new Error('the archive is discarded');
        writing = sink.write(length, [bytes], signal);
        await writing;
        length += bytes.length;
      },
    }),
    {
      zip64: true,
      useWebWorkers: false,
      useCompressionStream: true,
      lastModDate: new Date(createdAt * 1000),
    },
  );
  const image = new TransformStream<Uint8Array, Uint8Array>();
  const input = image.writable.getWriter();
  const taken = new Promise<void>((resolve) => {
    next = { stream: gzip.stream, taken: resolve };
  });
  const added = archive.add(entryName, image.readable);
  await Promise.race([taken, added]);
  next = undefined;
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
      await gzip.close();
      await archive.close();
      await sink.finish(length, current, onProgress);
    },
    commit: () => sink.commit(),
    settle: () => settle(sink),
    async discard() {
      isDiscarded = true; // what is packed already would still be written
      await writing.catch(() => undefined); // its error was that of an earlier call
      await gzip.close();
      await sink.discard();
    },
  };
  return self;
}
