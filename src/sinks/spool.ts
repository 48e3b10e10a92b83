import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KexportError, reasonOf, throwIfAborted } from '../errors.ts';
import type { Sink } from './sink.ts';
import { writeFully } from './write-fully.ts';

const CHUNK_SIZE = 1 << 20;

/**
 * Makes any sink take any format: the image is collected in a temporary file (in TMPDIR) and sent when it
 * is complete. The file has no name, so that nothing is left of it however the program ends.
 */
export function spooled(sink: Sink): Sink {
  let file: FileHandle | undefined;

  const attempt = async <T>(work: (file: FileHandle) => Promise<T>): Promise<T> => {
    try {
      file ??= await openNameless(tmpdir());
      return await work(file);
    } catch (error) {
      throw new KexportError(
        'target',
        `cannot spool the image in ${tmpdir()}: ${reasonOf(error)}`,
        {
          cause: error,
          hint: 'set TMPDIR to a folder with room for the whole image',
        },
      );
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

async function openNameless(directory: string): Promise<FileHandle> {
  const path = join(directory, `kexport-${randomBytes(8).toString('hex')}.spool`);
  const file = await open(path, 'wx+', 0o600);
  await rm(path);
  return file;
}
