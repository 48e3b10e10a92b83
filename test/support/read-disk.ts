import { createHash } from 'node:crypto';
import { inflateRawSync, inflateSync } from 'node:zlib';
import { decompress } from 'fzstd';
import { openSource, type SourceOptions } from 'kexport';
import {
  type Format,
  FormatError,
  type ImageInput,
  type ImageReader,
  type CompressedExtent,
  type Problem,
} from '../../formats/index.ts';

/** An image in memory, for a reader alone. */
export function inputOf(bytes: Uint8Array): ImageInput {
  return {
    size: bytes.length,
    read(offset, length) {
      if (offset + length > bytes.length) {
        return Promise.reject(
          new FormatError('damaged', `${length} bytes at ${offset} are past the end`),
        );
      }
      return Promise.resolve(bytes.slice(offset, offset + length));
    },
  };
}

/** Opens an image without sources and workers; it cannot open others. */
export async function readerOf(format: Format, image: Uint8Array): Promise<ImageReader> {
  if (!format.read) throw new Error(`${format.name} has no reader`);
  return format.read({
    input: inputOf(image),
    openOther: (name) => Promise.reject(new FormatError('damaged', `another file: ${name}`)),
    hasher(algorithm) {
      const hash = createHash(algorithm);
      return { update: (bytes) => void hash.update(bytes), digest: () => hash.digest('hex') };
    },
  });
}

/** The whole disk in an image, by its reader and Node's zlib alone. */
export async function diskOf(format: Format, image: Uint8Array): Promise<Buffer> {
  const reader = await readerOf(format, image);
  const disk = Buffer.alloc(reader.facts.diskSize);
  let end = 0;
  for await (const stretch of reader.extents()) {
    if (stretch.diskOffset < end) throw new Error(`${stretch.diskOffset} after ${end}`);
    end = stretch.diskOffset + stretch.diskLength;
    if (stretch.kind === 'zeros') continue;
    const { kind, imageOffset, diskOffset, diskLength } = stretch;
    const length = kind === 'plain' ? diskLength : stretch.imageLength;
    const stored = image.subarray(imageOffset, imageOffset + length);
    if (stored.length !== length) throw new Error('a stretch past the end of the image');
    const bytes = kind === 'plain' ? stored : unpack(kind, stored);
    if (bytes.length !== diskLength) throw new Error(`${bytes.length} bytes, not ${diskLength}`);
    disk.set(bytes.subarray(0, disk.length - diskOffset), diskOffset);
  }
  return disk;
}

function unpack(kind: CompressedExtent['kind'], bytes: Uint8Array): Uint8Array {
  if (kind === 'zstd') return decompress(bytes);
  return kind === 'zlib' ? inflateSync(bytes) : inflateRawSync(bytes);
}

/** What a reader finds wrong with an image. */
export async function problemsOf(format: Format, image: Uint8Array): Promise<Problem[]> {
  const problems: Problem[] = [];
  for await (const problem of (await readerOf(format, image)).check()) problems.push(problem);
  return problems;
}

/** The whole disk in a file, by the built library. */
export async function bytesOf(path: string, options: SourceOptions = {}): Promise<Buffer> {
  const source = await openSource(path, options);
  try {
    const { signal } = new AbortController();
    const disk = Buffer.alloc(source.size ?? 0);
    const buffer = new Uint8Array(2 ** 20);
    for (;;) {
      const extent = await source.next(buffer, signal);
      if (!extent) return disk;
      disk.set(buffer.subarray(0, extent.length), extent.diskOffset);
    }
  } finally {
    await source.close();
  }
}

/** As many bytes from each of these places of the disk in a file, by the built library. */
export async function bytesAt(
  path: string,
  places: readonly number[],
  length: number,
  options: SourceOptions = {},
): Promise<Buffer[]> {
  const source = await openSource(path, options);
  try {
    const found: Buffer[] = [];
    for (const place of places) {
      const buffer = Buffer.alloc(length, 0xa5);
      const count = (await source.read?.(place, buffer)) ?? 0;
      found.push(buffer.subarray(0, count));
    }
    return found;
  } finally {
    await source.close();
  }
}
