import type { DiskInImage, ImageFacts } from '../../formats/index.ts';
import { asKexportError, KexportError } from '../errors.ts';
import type { DiskFacts } from '../inspect/disk-facts.ts';
import { type DiskIdentity, diskIdentity } from '../inspect/disk-identity.ts';
import { inspectDisk } from '../inspect/inspect-disk.ts';
import { withContents } from '../inspect/with-contents.ts';
import { imageSource } from './image-source.ts';
import { diskOfImage, filesNotOpened, type ImageFiles } from './read-image.ts';

/** An image, and the disk in it, the first of several. Sizes in bytes. */
export interface ImageInfo extends DiskInfo {
  /** Length of the file; undefined for a pipe. */
  readonly fileSize: number | undefined;
  /** Space that the file takes in its file system; undefined for a pipe. */
  readonly allocatedSize: number | undefined;
  /** All disks that can be read, if the image has several and none was chosen. */
  readonly disks?: readonly NamedDiskInfo[] | undefined;
}

/** A disk in an image that has several. */
export interface NamedDiskInfo extends DiskInfo {
  /** Its name in the image. */
  readonly name: string;
}

/** A disk in an image. Sizes in bytes. */
export interface DiskInfo {
  /** Facts that the image itself records. */
  readonly facts: ImageFacts;
  /**
   * How much of the disk is stored in the image: everything but the zeros that it leaves out and
   * the data of a backing file. Undefined if that cannot be determined without the other files.
   */
  readonly storedSize: number | undefined;
  /** Files that hold a part of the disk and may not be opened, as the image names them. */
  readonly notOpened: readonly string[];
  /** What is on the disk; undefined if a file was not opened. */
  readonly disk: DiskFacts | undefined;
  /** What it keeps of its machine, if that was asked for. */
  readonly identity?: DiskIdentity | undefined;
}

/** What else to find out. */
export interface ImageContentOptions {
  /** Reads what the disk keeps of its machine: some MiB at most. */
  readonly identity?: boolean | undefined;
}

/**
 * Describes an open image. Walks its tables, and reads some KiB of its disk and of each partition.
 * Throws a KexportError.
 */
export async function describeImage(
  image: ImageFiles,
  options: ImageContentOptions = {},
): Promise<ImageInfo> {
  const { size: fileSize, allocatedSize = fileSize } = image.input;
  const disks = image.reader.disks && (await disksOf(image, image.reader.disks, options));
  return { ...(await contentOf(image, options)), fileSize, allocatedSize, ...(disks && { disks }) };
}

/** Leaves out what cannot be read: the image itself can, and `verify` says why. */
async function disksOf(
  image: ImageFiles,
  disks: readonly DiskInImage[],
  options: ImageContentOptions,
): Promise<NamedDiskInfo[]> {
  const found: NamedDiskInfo[] = [];
  for (const disk of disks) {
    try {
      found.push({
        name: disk.name,
        ...(await contentOf(await diskOfImage(image, disk), options)),
      });
    } catch (error) {
      if (!(error instanceof KexportError) || !isOfImage(error)) throw error;
    }
  }
  return found;
}

function isOfImage({ code }: KexportError): boolean {
  return code === 'damaged' || code === 'unsupported';
}

async function contentOf(image: ImageFiles, options: ImageContentOptions): Promise<DiskInfo> {
  const { reader, input } = image;
  const { facts } = reader;
  const notOpened = filesNotOpened(image);
  try {
    let mapped = 0;
    for await (const { kind, diskOffset, diskLength } of reader.extents()) {
      if (kind !== 'zeros') mapped += Math.min(diskLength, facts.diskSize - diskOffset);
    }
    const storedSize = (reader.notOpened?.isMapped ?? true) ? mapped : undefined;
    // Owned by the image.
    const source = notOpened.length === 0 ? imageSource(image, { threads: 1 }) : undefined;
    const read = source?.read?.bind(source);
    const { diskSize } = facts;
    const disk = read && (await withContents(await inspectDisk(read, diskSize), read, diskSize));
    if (!options.identity || !read || !disk) return { facts, storedSize, notOpened, disk };
    const identity = await diskIdentity(disk, read, diskSize);
    return { facts, storedSize, notOpened, disk, identity };
  } catch (error) {
    throw asKexportError(error, input.name);
  }
}
