import { constants } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { dirname, join, sep } from 'node:path';
import { KexportError, reasonOf } from '../errors.ts';
import { closeFile, openFile, statFile } from '../host/descriptors.ts';
import { type FileInput, fileInput } from './file-input.ts';

/**
 * Opens the regular file that an image at `path` names, which must lie in the image's folder or
 * below it: whoever made the image would otherwise read any file of this machine. `name` may be a
 * path below the folder; no absolute one, none with `..`, no protocol of QEMU's such as `nbd:` or
 * `json:`, no link that leads elsewhere. Throws a KexportError.
 */
export async function openBeside(path: string, name: string, image: string): Promise<FileInput> {
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
  // What was resolved is opened, with no link in the last place any more.
  const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;
  const fd = await openFile(found, flags).catch((error: unknown) => refuse(shown, error));
  const stat = await statFile(fd);
  if (stat.isFile()) return fileInput(found, fd, stat.size);
  await closeFile(fd);
  throw new KexportError('source', `${shown}, which is not a regular file`);
}

function refuse(shown: string, cause: unknown): never {
  throw new KexportError('source', `${shown}, which cannot be opened: ${reasonOf(cause)}`, {
    cause,
  });
}
