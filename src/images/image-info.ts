// What there is to know of an image without writing one.

import { fstatSync } from 'node:fs';
import type { ImageFacts } from '../../formats/index.ts';
import type { DiskFacts } from '../inspect/disk-facts.ts';
import { inspectDisk } from '../inspect/inspect-disk.ts';
import { withContents } from '../inspect/with-contents.ts';
import { imageSource } from './image-source.ts';
import { openImageFile, type OpenFileOptions } from './open-image-file.ts';
import { asKexportError } from '../errors.ts';
import { filesNotOpened, type ImageFiles } from './open-image.ts';

/** Sizes in bytes. */
export interface ImageInfo {
  /** What the image says of itself. */
  readonly facts: ImageFacts;
  /** Undefined of a pipe, as is the next. */
  readonly fileSize: number | undefined;
  /** What the file takes of its file system. */
  readonly allocatedSize: number | undefined;
  /**
   * What the image has of the disk: all but the zeros that it leaves out, and what a backing file
   * has. Undefined if that cannot be told without the other files.
   */
  readonly storedSize: number | undefined;
  /** Files that have a part of the disk and may not be opened, as the image names them. */
  readonly notOpened: readonly string[];
  /** Undefined if there are any. */
  readonly disk: DiskFacts | undefined;
}

/** Options of {@link imageInfo}. */
export type ImageInfoOptions = Pick<OpenFileOptions, 'from' | 'allowBacking' | 'ovaDisk'>;

/**
 * Looks into a file, or a device if `from` is given or it is a raw disk. Walks the tables of the
 * image, and reads some KiB of its disk and of each partition. Throws a KexportError.
 */
export async function imageInfo(
  path: string,
  { from, allowBacking = false, ovaDisk }: ImageInfoOptions = {},
): Promise<ImageInfo> {
  const image = await openImageFile(path, {
    from,
    allowBacking,
    ovaDisk,
    alone: !allowBacking,
  });
  try {
    const { size: fileSize, fd } = image.input;
    const found = fstatSync(fd);
    const allocatedSize = found.isFile() ? found.blocks * 512 : fileSize; // POSIX's unit of st_blocks
    return { ...(await contentOf(image)), fileSize, allocatedSize };
  } finally {
    await image.close();
  }
}

async function contentOf(
  image: ImageFiles,
): Promise<Pick<ImageInfo, 'facts' | 'storedSize' | 'notOpened' | 'disk'>> {
  const { reader, input } = image;
  const { facts } = reader;
  const notOpened = filesNotOpened(image);
  try {
    let mapped = 0;
    for await (const { kind, diskOffset, diskLength } of reader.extents()) {
      if (kind !== 'zeros') mapped += Math.min(diskLength, facts.diskSize - diskOffset);
    }
    const storedSize = (reader.notOpened?.isMapped ?? true) ? mapped : undefined;
    const source = notOpened.length === 0 ? imageSource(image, 1) : undefined; // closed with the image
    const read = source?.read?.bind(source);
    const { diskSize } = facts;
    const disk = read && (await withContents(await inspectDisk(read, diskSize), read, diskSize));
    return { facts, storedSize, notOpened, disk };
  } catch (error) {
    throw asKexportError(error, input.name);
  }
}
