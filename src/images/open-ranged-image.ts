import { type FormatName, raw } from '../../formats/index.ts';
import { headOf, type RemoteFile } from '../remote/remote-file.ts';
import { checkChoice, type DiskChoice, formatNamed, formatOfFile } from './image-format.ts';
import { HEAD_SIZE } from './image-kind.ts';
import { openRemoteImage } from './open-remote-image.ts';
import type { ImageFiles, ReadOptions } from './read-image.ts';

/** Options of `openRangedImage`. */
export interface RangedImageOptions extends ReadOptions, DiskChoice {
  /** The format of the image. Default: the one of its name. */
  readonly from?: FormatName | undefined;
}

/**
 * Opens the image in a file that is read by ranges. Its format is `from`, else that of its name.
 * Owns the file, and closes it if it throws a KexportError.
 */
export async function openRangedImage(
  file: RemoteFile,
  { from, alone, ...choice }: RangedImageOptions = {},
): Promise<ImageFiles> {
  try {
    const { name, size } = file;
    const head = await headOf(file, HEAD_SIZE);
    const format =
      from === undefined ? formatOfFile(name, { head, size }, choice) : formatNamed(from, choice);
    checkChoice(name, format, choice);
    return await openRemoteImage(file, format ?? raw(), { alone });
  } catch (error) {
    await file.close();
    throw error;
  }
}
