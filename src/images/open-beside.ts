import { constants } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { errnoOf, KexportError, reasonOf } from '../errors.ts';
import { closeFile, openFile, statFile } from '../host/descriptors.ts';
import { fileInput, type LocalInput } from './local-input.ts';

/**
 * Opens the regular file that the image at `path` names. It must lie in the folder of the image or
 * below, else a hostile image could read any file of this machine. `name` may be a path below the
 * folder, but not an absolute path, a path with `..`, a protocol of QEMU such as `nbd:` or `json:`,
 * or a link that leads elsewhere. Throws a KexportError.
 */
export async function openBeside(
  path: string,
  name: string,
  image: string,
  signal?: AbortSignal,
): Promise<LocalInput> {
  const shown = `${image} names ${JSON.stringify(name)}`;
  const plain = name !== '' && !/^[/\\]|^[^/]*:|\p{Cc}/u.test(name);
  if (!plain || name.split(/[/\\]/).includes('..')) {
    throw new KexportError('source', `${shown}, which is not a plain name in its folder`);
  }
  const folder = await realpath(dirname(path)).catch((error: unknown) => refuse(shown, error));
  const found = await realpath(join(folder, name)).catch((error: unknown) => refuse(shown, error));
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

function refuse(shown: string, cause: unknown): never {
  const isMissing = errnoOf(cause) === 'ENOENT';
  throw new KexportError('source', `${shown}, which cannot be opened: ${reasonOf(cause)}`, {
    cause,
    hint: isMissing
      ? "it is looked for in the folder of the image, and not, as QEMU does with a qcow2's data file, in the current one"
      : undefined,
  });
}
