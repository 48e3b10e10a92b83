import { randomBytes } from 'node:crypto';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KexportError, reasonOf } from '../errors.ts';

/**
 * Opens a temporary file in TMPDIR for `what`. It has no name, so that nothing is left of it however the program
 * ends.
 */
export async function openSpoolFile(what: string): Promise<FileHandle> {
  try {
    const path = join(tmpdir(), `kexport-${randomBytes(8).toString('hex')}.spool`);
    const file = await open(path, 'wx+', 0o600);
    await rm(path);
    return file;
  } catch (error) {
    throw cannotSpool(what, error);
  }
}

/** What a failure of a spool file means to a person. */
export function cannotSpool(what: string, error: unknown): KexportError {
  return new KexportError('target', `cannot spool ${what} in ${tmpdir()}: ${reasonOf(error)}`, {
    cause: error,
    hint: 'set TMPDIR to a folder with room for all of it',
  });
}
