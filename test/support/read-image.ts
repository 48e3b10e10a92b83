// Reads images with a format alone, without sources and workers.

import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { inflateRawSync, inflateSync } from 'node:zlib';
import {
  type Format,
  FormatError,
  type ImageInput,
  type ImageReader,
  type Problem,
  type ReadRequest,
  type ImageExtent,
} from '../../formats/index.ts';

/** An image in memory. */
export function inputOf(bytes: Uint8Array): ImageInput {
  return {
    size: bytes.length,
    read: (offset, length) =>
      offset + length > bytes.length
        ? Promise.reject(new FormatError('damaged', `the image ends at ${bytes.length}`))
        : Promise.resolve(Uint8Array.prototype.slice.call(bytes, offset, offset + length)),
  };
}

/** An image in a file, which is opened for each read. */
export function fileInput(path: string): ImageInput {
  const withFile = <T>(use: (fd: number) => T): T => {
    const fd = openSync(path, 'r');
    try {
      return use(fd);
    } finally {
      closeSync(fd);
    }
  };
  const size = withFile((fd) => fstatSync(fd).size);
  return {
    size,
    read: (offset, length) => {
      if (offset + length > size) throw new FormatError('damaged', `the image ends at ${size}`);
      const bytes = new Uint8Array(length);
      withFile((fd) => readSync(fd, bytes, 0, length, offset));
      return Promise.resolve(bytes);
    },
  };
}

/** Opens an image; others than its own file only if they are given. */
export async function openImage(
  format: Format,
  image: ImageInput | Uint8Array,
  openOther: ReadRequest['openOther'] = () =>
    Promise.reject(new FormatError('damaged', 'another file')),
): Promise<ImageReader> {
  const input = image instanceof Uint8Array ? inputOf(image) : image;
  if (!format.read) throw new Error(`${format.name} has no reader`);
  return format.read({
    input,
    openOther,
    hasher(algorithm) {
      const hash = createHash(algorithm);
      return { update: (bytes) => hash.update(bytes), digest: () => hash.digest('hex') };
    },
  });
}

/** The whole disk of an image that has been opened. */
export async function diskOf(reader: ImageReader, image: ImageInput | Uint8Array): Promise<Buffer> {
  const input = image instanceof Uint8Array ? inputOf(image) : image;
  const disk = Buffer.alloc(reader.facts.diskSize);
  let end = 0;
  for await (const stretch of reader.extents()) {
    if (stretch.diskOffset < end)
      throw new Error(`a stretch at ${stretch.diskOffset} after ${end}`);
    end = stretch.diskOffset + stretch.diskLength;
    (await bytesOf(stretch, input, disk.length))?.copy(disk, stretch.diskOffset);
  }
  return disk;
}

/** What a stretch has; undefined for zeros. Throws a FormatError for a stream that is not as promised. */
export async function bytesOf(
  stretch: ImageExtent,
  own: ImageInput,
  diskSize: number,
): Promise<Buffer | undefined> {
  if (stretch.kind === 'zeros') return undefined;
  const { kind, imageOffset, diskLength, input = own } = stretch;
  if (kind === 'plain') return Buffer.from(await input.read(imageOffset, diskLength));
  const packed = await input.read(imageOffset, stretch.imageLength);
  if (kind === 'zstd') throw new FormatError('damaged', 'zstd');
  const inflate = kind === 'zlib' ? inflateSync : inflateRawSync;
  let found: Buffer;
  try {
    found = inflate(packed, { maxOutputLength: diskLength });
  } catch (error) {
    throw new FormatError('damaged', `the stream at ${imageOffset}: ${String(error)}`);
  }
  if (found.length === diskLength || stretch.diskOffset + found.length === diskSize) return found;
  throw new FormatError('damaged', `${found.length} bytes instead of ${diskLength}`);
}

/** Everything that is wrong with an image, as `severity: message`. */
export async function problemsOf(reader: ImageReader): Promise<string[]> {
  const found: string[] = [];
  for await (const problem of reader.check()) found.push(lineOf(problem));
  return found;
}

function lineOf({ severity, message }: Problem): string {
  return `${severity}: ${message}`;
}
