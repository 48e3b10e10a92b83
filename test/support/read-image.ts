// Reads images with a format alone, without sources and workers.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import { decompress } from 'fzstd';
import {
  type CompressedExtent,
  type Format,
  FormatError,
  type ImageInput,
  type ImageReader,
  type Problem,
  type ReadRequest,
  type ImageExtent,
  type WholeCompression,
} from '../../formats/index.ts';
import { hasher } from './hasher.ts';

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

/** Opens an image; a file beside it only by `openOther`. */
export async function openImage(
  format: Format,
  image: ImageInput | Uint8Array,
  openOther: ReadRequest['openOther'] = () =>
    Promise.reject(new FormatError('damaged', 'another file')),
): Promise<ImageReader> {
  const input = image instanceof Uint8Array ? inputOf(image) : image;
  if (!format.read) throw new Error(`${format.name} has no reader`);
  return format.read({ input, openOther, hasher });
}

/** The whole disk of an image that has been opened. */
export async function diskOf(reader: ImageReader, image: ImageInput | Uint8Array): Promise<Buffer> {
  const input = image instanceof Uint8Array ? inputOf(image) : image;
  const disk = Buffer.alloc(reader.facts.diskSize);
  let end = 0;
  for await (const extent of reader.extents()) {
    if (extent.diskOffset < end) throw new Error(`an extent at ${extent.diskOffset} after ${end}`);
    end = extent.diskOffset + extent.diskLength;
    (await bytesOf(extent, input, disk.length))?.copy(disk, extent.diskOffset);
  }
  return disk;
}

/** The disk of an image that is compressed as a whole. */
export function unpackedDisk(packed: WholeCompression, image: Uint8Array): Buffer {
  if (packed === 'zst') return Buffer.from(decompress(image));
  const bytes = gunzipSync(image);
  if (packed === 'gz') return bytes;
  const size = parseInt(bytes.toString('latin1', 124, 135), 8);
  return bytes.subarray(512, 512 + size);
}

/** The bytes of an extent; undefined for zeros. Throws a FormatError for a damaged stream. */
export async function bytesOf(
  extent: ImageExtent,
  own: ImageInput,
  diskSize: number,
): Promise<Buffer | undefined> {
  if (extent.kind === 'zeros') return undefined;
  const { kind, imageOffset, diskOffset, diskLength, input = own } = extent;
  if (kind === 'plain') return Buffer.from(await input.read(imageOffset, diskLength));
  const found = decompressed(extent, await input.read(imageOffset, extent.imageLength));
  if (found.length === diskLength || diskOffset + found.length === diskSize) return found;
  throw new FormatError('damaged', `${found.length} bytes instead of ${diskLength}`);
}

function decompressed(
  { kind, diskLength, imageOffset }: CompressedExtent,
  stream: Uint8Array,
): Buffer {
  try {
    if (kind === 'zstd') return Buffer.from(decompress(stream));
    const inflate = kind === 'zlib' ? inflateSync : inflateRawSync;
    return inflate(stream, { maxOutputLength: diskLength });
  } catch (error) {
    throw new FormatError('damaged', `the stream at ${imageOffset}: ${String(error)}`);
  }
}

/** All problems of an image, as `severity: message`. */
export async function problemsOf(reader: ImageReader): Promise<string[]> {
  const found: string[] = [];
  for await (const problem of reader.check()) found.push(lineOf(problem));
  return found;
}

function lineOf({ severity, message }: Problem): string {
  return `${severity}: ${message}`;
}
