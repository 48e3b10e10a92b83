import { type ImageContentOptions, describeImage, type ImageInfo } from './describe-image.ts';
import { openImageFile, type OpenFileOptions } from './open-image-file.ts';

/** Options of {@link imageInfo}. */
export type ImageInfoOptions = Pick<
  OpenFileOptions,
  'from' | 'allowBacking' | 'ovaDisk' | 'internalSnapshot' | 'connections' | 'endpoint' | 'signal'
> &
  ImageContentOptions;

/**
 * Describes the image in a file, or on a device if `from` is given or it is a raw disk. Walks the
 * tables of the image, and reads some KiB of its disk and of each partition. Throws a KexportError.
 */
export async function imageInfo(
  path: string,
  { allowBacking = false, identity, ...options }: ImageInfoOptions = {},
): Promise<ImageInfo> {
  const image = await openImageFile(path, { ...options, allowBacking, alone: !allowBacking });
  try {
    return await describeImage(image, { identity });
  } finally {
    await image.close();
  }
}
