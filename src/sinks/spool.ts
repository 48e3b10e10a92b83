import { throwIfAborted } from '../errors.ts';
import { openSpoolFile, type SpoolFile } from '../host/spool-file.ts';
import { settle, type Sink } from './sink.ts';

const CHUNK_SIZE = 1 << 20;

/**
 * Wraps a sink so that it can take any format: collects the image in a spool file and writes it to
 * the sink once it is complete.
 */
export function spooled(sink: Sink): Sink {
  let file: SpoolFile | undefined;

  const open = async () => (file ??= await openSpoolFile('the image'));
  const close = async () => {
    await file?.close();
    file = undefined;
  };

  return {
    name: sink.name,
    seekable: true,
    get traffic() {
      return sink.traffic;
    },
    get ids() {
      return sink.ids;
    },
    ...(sink.readBack && { readBack: sink.readBack.bind(sink) }),
    write: async (imageOffset, buffers) => (await open()).write(imageOffset, buffers),
    // Zeros come after all that was written; the file has them for `read`.
    zeros: async (imageOffset, count) => (await open()).truncate(imageOffset + count),
    async read(imageOffset, buffer) {
      await (await open()).read(imageOffset, buffer);
      return buffer.length;
    },
    async finish(length, signal, onProgress) {
      const spool = await open();
      await spool.truncate(length);
      const buffer = new Uint8Array(CHUNK_SIZE);
      for (let at = 0; at < length; at += CHUNK_SIZE) {
        throwIfAborted(signal);
        const chunk = buffer.subarray(0, Math.min(CHUNK_SIZE, length - at));
        await spool.read(at, chunk);
        await sink.write(at, [chunk], signal);
        onProgress?.({ phase: 'sending', done: at + chunk.length, total: length });
      }
      await close();
      await sink.finish(length, signal, onProgress);
    },
    commit: () => sink.commit(),
    settle: () => settle(sink),
    async discard() {
      await close();
      await sink.discard();
    },
  };
}
