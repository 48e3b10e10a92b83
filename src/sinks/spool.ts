import type { FileHandle } from 'node:fs/promises';
import { throwIfAborted } from '../errors.ts';
import { cannotSpool, openSpoolFile } from '../host/spool-file.ts';
import type { Sink } from './sink.ts';
import { writeFully } from '../host/write-fully.ts';

const WHAT = 'the image';
const CHUNK_SIZE = 1 << 20;

/** Makes any sink take any format: the image is collected in a spool file and sent when it is complete. */
export function spooled(sink: Sink): Sink {
  let file: FileHandle | undefined;

  const attempt = async <T>(work: (file: FileHandle) => Promise<T>): Promise<T> => {
    file ??= await openSpoolFile(WHAT);
    try {
      return await work(file);
    } catch (error) {
      throw cannotSpool(WHAT, error);
    }
  };
  const close = async () => {
    await file?.close();
    file = undefined;
  };

  return {
    name: sink.name,
    seekable: true,
    write: (imageOffset, buffers) => attempt((spool) => writeFully(spool, imageOffset, buffers)),
    zeros: () => Promise.resolve(),
    async finish(length, signal) {
      await attempt((spool) => spool.truncate(length));
      const buffer = Buffer.allocUnsafe(CHUNK_SIZE);
      for (let at = 0; at < length;) {
        throwIfAborted(signal);
        const { bytesRead } = await attempt((spool) => spool.read(buffer, 0, CHUNK_SIZE, at));
        await sink.write(at, [buffer.subarray(0, bytesRead)], signal);
        at += bytesRead;
      }
      await close();
      await sink.finish(length, signal);
    },
    commit: () => sink.commit(),
    async discard() {
      await close();
      await sink.discard();
    },
  };
}
