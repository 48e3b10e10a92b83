import { throwIfAborted } from '../errors.ts';
import { settle, type Sink } from './sink.ts';
import { spooledImage } from './spooled-image.ts';

const CHUNK_SIZE = 1 << 20;

/**
 * Wraps a sink so that it can take any format: collects the image in a spool file and writes it to
 * the sink once it is complete.
 */
export function spooled(sink: Sink): Sink {
  const image = spooledImage();

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
    ...image.access,
    async finish(length, signal, onProgress) {
      const spool = await image.finished(length);
      const buffer = new Uint8Array(CHUNK_SIZE);
      for (let at = 0; at < length; at += CHUNK_SIZE) {
        throwIfAborted(signal);
        const chunk = buffer.subarray(0, Math.min(CHUNK_SIZE, length - at));
        await spool.read(at, chunk);
        await sink.write(at, [chunk], signal);
        onProgress?.({ phase: 'sending', done: at + chunk.length, total: length });
      }
      await image.close();
      await sink.finish(length, signal, onProgress);
    },
    commit: () => sink.commit(),
    settle: () => settle(sink),
    async discard() {
      await image.close();
      await sink.discard();
    },
  };
}
