// What there is to know of an image without writing one.

import { close, constants, fstatSync, open, read } from 'node:fs';
import { promisify } from 'node:util';
import { type Format, type ImageFacts, raw } from '../../formats/index.ts';
import { blockDeviceSize } from '../block-device.ts';
import { KexportError, reasonOf } from '../errors.ts';
import type { DiskFacts } from '../inspect/disk-facts.ts';
import { inspectDisk } from '../inspect/inspect-disk.ts';
import { imageSource } from '../sources/image.ts';
import { HEAD_SIZE } from '../sources/image-kind.ts';
import type { SourceOptions } from '../sources/open.ts';
import { formatNamed, formatOfFile } from './image-format.ts';
import { imageError, type ImageFiles, openImage } from './open-image.ts';

const openFile = promisify(open);
const closeFile = promisify(close);
const readAt = promisify(read);

/** Sizes in bytes. */
export interface ImageInfo {
  readonly facts: ImageFacts;
  readonly fileSize: number;
  /** What the file takes of its file system. */
  readonly allocatedSize: number;
  /** What the image has of the disk: all but the zeros that it leaves out, and what a backing file has. */
  readonly storedSize: number;
  /** Undefined if a backing file has a part of the disk and may not be opened. */
  readonly disk: DiskFacts | undefined;
}

/**
 * Looks into a file, or a device if `from` is given or it is a raw disk. Walks the tables of the image, and reads some KiB
 * of its disk. Throws a KexportError.
 */
export async function imageInfo(
  path: string,
  { from, backing = false, disk }: Pick<SourceOptions, 'from' | 'backing' | 'disk'> = {},
): Promise<ImageInfo> {
  const fd = await openFile(path, constants.O_RDONLY | constants.O_NONBLOCK).catch(
    (cause: unknown) => {
      throw new KexportError('source', `cannot open ${path}: ${reasonOf(cause)}`, { cause });
    },
  );
  let image: ImageFiles | undefined;
  try {
    const found = fstatSync(fd);
    if (!found.isFile() && !found.isBlockDevice()) {
      throw new KexportError('source', `${path} is no file and no block device`);
    }
    const fileSize = found.isFile() ? found.size : await blockDeviceSize(path, fd);
    const format = await formatOf(path, fd, found.isFile(), from, disk);
    image = await openImage(path, fd, fileSize, { format, backing, alone: !backing });
    const allocatedSize = found.isFile() ? found.blocks * 512 : fileSize; // POSIX's unit of st_blocks
    return { ...(await contentOf(image)), fileSize, allocatedSize };
  } finally {
    await (image ? image.close() : closeFile(fd));
  }
}

/** A device is a raw disk unless someone says otherwise: a guest writes its bytes. */
async function formatOf(
  path: string,
  fd: number,
  isFile: boolean,
  from: SourceOptions['from'],
  disk: string | undefined,
): Promise<Format> {
  if (from !== undefined) return formatNamed(from, disk);
  if (!isFile) return raw();
  const head = Buffer.alloc(HEAD_SIZE);
  const { bytesRead } = await readAt(fd, head, 0, HEAD_SIZE, 0);
  return formatOfFile(path, head.subarray(0, bytesRead), disk) ?? raw();
}

async function contentOf(
  image: ImageFiles,
): Promise<Pick<ImageInfo, 'facts' | 'storedSize' | 'disk'>> {
  const { reader, input } = image;
  const { facts } = reader;
  const isWhole = !facts.backing || image.backing !== undefined;
  try {
    let storedSize = 0;
    for await (const { kind, diskOffset, diskLength } of reader.stretches()) {
      if (kind !== 'zeros') storedSize += Math.min(diskLength, facts.diskSize - diskOffset);
    }
    const source = isWhole ? imageSource(image, 1) : undefined; // closed with the image
    const read = source?.read?.bind(source);
    return { facts, storedSize, disk: read && (await inspectDisk(read, facts.diskSize)) };
  } catch (error) {
    throw imageError(input.name, error);
  }
}
