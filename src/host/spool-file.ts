import { host } from '#host';
import { KexportError, reasonOf } from '../errors.ts';
import { readFully } from './read-fully.ts';
import type { ReadableFile } from './readable-file.ts';
import { writeFully } from './write-fully.ts';

/** A temporary file. Calls may overlap, and throw a KexportError. */
export interface SpoolFile extends ReadableFile {
  /** Writes buffers, one after the other, from `position` on. */
  write(position: number, buffers: readonly Uint8Array[]): Promise<void>;
  truncate(size: number): Promise<void>;
}

/**
 * Opens a temporary file in TMPDIR; `what` says in messages what it is for. The file has no name,
 * so that nothing is left behind however the program ends.
 */
export async function openSpoolFile(what: string): Promise<SpoolFile> {
  const attempt = <T>(work: Promise<T>): Promise<T> =>
    work.catch((cause: unknown) => {
      const message = `cannot spool ${what} in ${host.temporaryFolder()}: ${reasonOf(cause)}`;
      const hint = 'set TMPDIR to a folder with room for all of it';
      throw new KexportError('target', message, { cause, hint });
    });
  const file = await attempt(host.openTemporary());
  return {
    read: (position, target) => readFully(`the spool file of ${what}`, file, position, target),
    write: (position, buffers) => attempt(writeFully(file, position, buffers)),
    truncate: (size) => attempt(file.truncate(size)),
    close: () => file.close(),
  };
}
