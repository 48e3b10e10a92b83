import type { Format } from '../../formats/index.ts';
import type { RemoteFile } from '../remote/remote-file.ts';
import { type ImageFiles, readImage, type ReadOptions } from './read-image.ts';
import { remoteInput } from './remote-input.ts';

/**
 * Opens the image in a file that is read by ranges. Once this has returned, the image owns the
 * file. Throws a KexportError, also for an image that needs other files, unless it is read alone.
 */
export async function openRemoteImage(
  file: RemoteFile,
  format: Format,
  options: ReadOptions = {},
): Promise<ImageFiles> {
  const image = await readImage(remoteInput(file.name, file.size, file), format, options);
  return { ...image, close: () => file.close() };
}
