import { type FormatName, raw } from '../../formats/index.ts';
import { blockDeviceSize } from '../host/block-device.ts';
import { disposable } from '../sources/disposable.ts';
import { closeFile, statFile } from '../host/descriptors.ts';
import { KexportError, unexpectedFailure } from '../errors.ts';
import { checkNotEmpty } from './file-input.ts';
import { HEAD_SIZE } from './image-kind.ts';
import { openForReading } from '../host/open-for-reading.ts';
import { isRemote, openRemoteFile } from '../remote/open-remote.ts';
import { fileInput } from './local-input.ts';
import { openRangedImage } from './open-ranged-image.ts';
import { checkChoice, type DiskChoice, formatNamed, formatOfFile } from './image-format.ts';
import { openImage, type OpenImageOptions } from './open-image.ts';
import type { ImageFiles } from './read-image.ts';

/** Options of {@link openImageFile}. */
export interface OpenFileOptions extends Omit<OpenImageOptions, 'format'>, DiskChoice {
  /** Requests at the same time to the store that the image is in. Default: 8. */
  readonly connections?: number | undefined;
  /** Address of the store that the image is in. Default: that of its cloud. */
  readonly endpoint?: string | undefined;
  /** The format of the image. Default: the one of its name. */
  readonly from?: FormatName | undefined;
}

/**
 * Opens an image on this machine or in a store. Its format is `from`, else that of the name of a
 * regular file; anything else is a raw disk. Throws a KexportError.
 */
export async function openImageFile(
  path: string,
  openOptions: OpenFileOptions = {},
): Promise<ImageFiles & AsyncDisposable> {
  if (isRemote(path)) return disposable(await openInStore(path, openOptions));
  const { from, ovaDisk, internalSnapshot, ...options } = openOptions;
  const fd = await openForReading(path, path);
  try {
    const found = await statFile(fd);
    if (!found.isFile() && !found.isBlockDevice()) {
      throw new KexportError('source', `${path} is neither a file nor a block device`);
    }
    await options.onOpen?.(path, fd);
    const size = found.isFile() ? found.size : await blockDeviceSize(path, fd);
    checkNotEmpty(path, size);
    const head = () => fileInput(path, fd, size, options.signal).read(0, Math.min(HEAD_SIZE, size));
    const choice = { ovaDisk, internalSnapshot };
    const probed = from === undefined && found.isFile();
    const format = probed
      ? formatOfFile(path, { head: await head(), size }, choice)
      : formatNamed(from ?? 'raw', choice);
    checkChoice(path, format, choice);
    return disposable(await openImage(path, fd, size, { ...options, format: format ?? raw() }));
  } catch (error) {
    await closeFile(fd);
    throw unexpectedFailure(`cannot open ${path}`, error);
  }
}

async function openInStore(
  address: string,
  { connections, endpoint, signal, ...options }: OpenFileOptions,
): Promise<ImageFiles> {
  const file = await openRemoteFile(address, { connections, endpoint, signal });
  return openRangedImage(file, options);
}
