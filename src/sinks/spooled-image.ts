import type { ReadableFile } from '../host/readable-file.ts';
import { openSpoolFile, type SpoolFile } from '../host/spool-file.ts';
import type { Sink } from './sink.ts';

/** An image that is collected in a spool file, for a sink that needs all of it. */
export interface SpooledImage {
  /** How it is written and read: the methods of a seekable sink. */
  readonly access: Pick<Required<Sink>, 'write' | 'zeros' | 'read'>;
  /** The image, once it has its `length` bytes; it is open until `close`. */
  finished(length: number): Promise<ReadableFile>;
  /** Removes the file. */
  close(): Promise<void>;
}

/** The file is opened with the first write. Its errors are KexportErrors. */
export function spooledImage(): SpooledImage {
  let file: SpoolFile | undefined;
  let size = 0;
  const open = async () => (file ??= await openSpoolFile('the image'));
  return {
    access: {
      async write(imageOffset, buffers) {
        await (await open()).write(imageOffset, buffers);
        const end = buffers.reduce((sum, { length }) => sum + length, imageOffset);
        size = Math.max(size, end);
      },
      // Zeros come after all that was written; the file has them for `read`.
      async zeros(imageOffset, count) {
        size = imageOffset + count;
        await (await open()).truncate(size);
      },
      async read(imageOffset, buffer) {
        const there = buffer.subarray(0, Math.max(0, size - imageOffset));
        await (await open()).read(imageOffset, there);
        return there.length;
      },
    },
    async finished(length) {
      const spool = await open();
      size = length;
      await spool.truncate(length);
      return spool;
    },
    async close() {
      await file?.close();
      file = undefined;
    },
  };
}
