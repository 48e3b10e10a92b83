import { constants } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, isAbsolute, join, relative, sep } from 'node:path';
import { errnoOf, KexportError, reasonOf } from '../errors.ts';
import { closeFile, openFile, statFile } from '../host/descriptors.ts';
import { fileInput, type LocalInput } from './local-input.ts';

/**
 * Opens the regular file that the image at `path` names. It must lie in the folder of the image or
 * below, else a hostile image could read any file of this machine. `name` may be a path to there,
 * but not one with `..`, a protocol of QEMU such as `nbd:` or `json:`, or a link that leads
 * elsewhere. Throws a KexportError.
 */
export async function openBeside(
  path: string,
  name: string,
  image: string,
  signal?: AbortSignal,
): Promise<LocalInput> {
  const shown = `${image} names ${JSON.stringify(name)}`;
  const folder = await realpath(dirname(path)).catch((error: unknown) => refuse(shown, error));
  const below = await pathBelow(folder, name);
  const plain = below !== '' && !/^[/\\]|^[^/]*:|\p{Cc}/u.test(below);
  if (!plain || below.split(/[/\\]/).includes('..')) {
    throw new KexportError('source', `${shown}, which is not a file in its folder`, {
      hint: 'merge the two with the program that made them, such as qemu-img convert',
    });
  }
  const found = await realpath(join(folder, below)).catch((error: unknown) => refuse(shown, error));
  if (!found.startsWith(folder === sep ? sep : folder + sep)) {
    throw new KexportError('source', `${shown}, a link that leads out of its folder`);
  }
  // Opens the resolved path, and refuses a link that was put in its place since.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const fd = await openFile(found, flags).catch((error: unknown) => refuse(shown, error));
  const stat = await statFile(fd);
  if (stat.isFile()) return fileInput(found, fd, stat.size, signal);
  await closeFile(fd);
  throw new KexportError('source', `${shown}, which is not a regular file`);
}

/** An absolute path as seen from the folder of the image, which may lie in a snapshot of ZFS. */
async function pathBelow(folder: string, name: string): Promise<string> {
  if (!isAbsolute(name)) return name;
  const named = await realpath(dirname(name)).catch(() => dirname(name));
  return join(relative(folder.replace(/\/\.zfs\/snapshot\/[^/]+/, ''), named), basename(name));
}

function refuse(shown: string, cause: unknown): never {
  const isMissing = errnoOf(cause) === 'ENOENT';
  throw new KexportError('source', `${shown}, which cannot be opened: ${reasonOf(cause)}`, {
    cause,
    hint: isMissing
      ? "it is looked for in the folder of the image, and not, as QEMU does with a qcow2's data file, in the current one"
      : undefined,
  });
}
