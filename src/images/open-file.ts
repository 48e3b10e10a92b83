import { close, constants, fstat, open } from 'node:fs';
import { promisify } from 'node:util';
import { type FormatName, raw } from '../../formats/index.ts';
import { blockDeviceSize } from '../block-device.ts';
import { KexportError, reasonOf } from '../errors.ts';
import { HEAD_SIZE } from '../sources/image-kind.ts';
import { fileInput } from './file-input.ts';
import { formatNamed, formatOfFile } from './image-format.ts';
import { type ImageFiles, openImage } from './open-image.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const fstatOf = promisify(fstat);

/**
 * Opens an image by its name: what it is says `from`, else for a regular file its name; anything else is a raw disk. Throws a
 * KexportError.
 */
export async function openImageFile(
  path: string,
  { from, backing }: { from?: FormatName | undefined; backing?: boolean | undefined },
): Promise<ImageFiles> {
  const flags = constants.O_RDONLY | constants.O_NONBLOCK;
  const fd = await openFile(path, flags).catch((cause: unknown) => {
    throw new KexportError('source', `cannot open ${path}: ${reasonOf(cause)}`, { cause });
  });
  try {
    const found = await fstatOf(fd);
    if (!found.isFile() && !found.isBlockDevice()) {
      throw new KexportError('source', `${path} is neither a file nor a block device`);
    }
    const size = found.isFile() ? found.size : await blockDeviceSize(path, fd);
    const head = () => fileInput(path, fd, size).read(0, Math.min(HEAD_SIZE, size));
    const probed = from === undefined && found.isFile();
    const format = probed ? formatOfFile(path, await head()) : formatNamed(from ?? 'raw');
    return await openImage(path, fd, size, { format: format ?? raw(), backing });
  } catch (error) {
    await closeFile(fd);
    throw error;
  }
}
