import type { Stats } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { KexportError } from '../errors.ts';

/**
 * The file that a path leads to: a symbolic link stays, and what it names is written. Throws a
 * KexportError for what another user may have put there to get the image or to have a file of the
 * caller replaced: a link, a named pipe, or a file in a folder such as /tmp.
 */
export async function pathToWrite(path: string): Promise<string> {
  const found = await lstat(path).catch(() => undefined);
  if (!found) return path;
  if (found.isSocket()) throw new KexportError('target', `${path} is a socket, not a file`);
  if (isForeign(found)) await refuseForeign(path, found);
  if (!found.isSymbolicLink()) return path;
  const target = await realpath(path).catch(() => path);
  return target === path ? path : pathToWrite(target);
}

/** Throws a KexportError for a named pipe of another user. */
export function checkPipe(path: string, found: Stats): void {
  if (found.isFIFO() && isForeign(found)) throw foreign(path, 'named pipe', found.uid);
}

async function refuseForeign(path: string, found: Stats): Promise<void> {
  if (found.isSymbolicLink()) throw foreign(path, 'symbolic link', found.uid);
  checkPipe(path, found);
  const folder = await stat(dirname(path));
  // Where others may create files but not remove them, as the kernel does it with
  // fs.protected_regular.
  const isSticky = (folder.mode & 0o1000) !== 0 && (folder.mode & 0o022) !== 0;
  if (found.isFile() && isSticky) throw foreign(path, 'file', found.uid);
}

/** Whether neither the user of this process nor root owns a file. */
function isForeign({ uid }: Stats): boolean {
  const own = process.geteuid?.();
  return own !== undefined && uid !== own && uid !== 0;
}

function foreign(path: string, kind: string, uid: number): KexportError {
  return new KexportError('target', `${path} is a ${kind} of another user (uid ${uid})`, {
    hint: 'remove it, or choose a folder where others cannot write',
  });
}
