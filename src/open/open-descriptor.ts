// Opens a file descriptor: as a disk, an image of one, or a stream of bytes.

import { createReadStream } from 'node:fs';
import { Socket } from 'node:net';
import type { Format } from '../../formats/index.ts';
import { blockDeviceSize } from '../host/block-device.ts';
import { isStandardStream, statFile } from '../host/descriptors.ts';
import { readableFile, readHead } from '../host/readable-file.ts';
import { KexportError, option, wording } from '../errors.ts';
import { checkNotEmpty } from '../images/file-input.ts';
import { checkChoice } from '../images/image-format.ts';
import type { OpenImageOptions } from '../images/open-image.ts';
import { type ByteStream, byteStream } from '../byte-streams/byte-stream.ts';
import { fileStream } from '../byte-streams/file-stream.ts';
import { beginsSendStream, HEAD_SIZE, packedByName, packedNamed } from '../images/image-kind.ts';
import { deviceFile } from '../sources/device-file.ts';
import { positionedSource } from '../sources/positioned.ts';
import type { SourceOptions } from './source-options.ts';
import type { Source } from '../sources/source.ts';
import { sparseSource } from '../sources/sparse.ts';
import { withSource } from '../sources/with-source.ts';
import { checkStatedSize, formatOf, packedKind } from './format-of.ts';
import { frozenSource } from './frozen-source.ts';
import { warnOfMounts } from './mounted-device.ts';
import type { Descriptor, Opened } from './opened.ts';
import { watchedFiles } from './watched-files.ts';

/** Owns the descriptor from then on, unless it throws a KexportError. */
export async function openDescriptor(
  descriptor: Descriptor,
  options: SourceOptions,
): Promise<Opened> {
  const { name, fd, start } = descriptor;
  const found = await statFile(fd);
  if (found.isDirectory()) {
    throw new KexportError('source', `${name} is a folder, not a disk`);
  }
  const isSent = options.from === undefined ? undefined : options.from === 'zfs-send';
  if (found.isFIFO() || found.isSocket()) {
    refuseStream(name, options);
    const stream = byteStream(name, new Socket({ fd, writable: false }));
    const packed = packedNamed(options.from);
    if (packed === undefined || packed === 'zip') return { stream, isSent };
    const { openCompressed } = await import('./packed.ts');
    return openCompressed(stream, packed);
  }
  if (found.isCharacterDevice()) {
    refuseStream(name, options);
    packedKind(name, undefined, options);
    return { stream: endlessStream(name, fd, options.size), isSent: isSent ?? false };
  }

  const files = watchedFiles(options);
  await files.add(name, fd);
  const size = (found.isBlockDevice() ? await blockDeviceSize(name, fd) : found.size) - start;
  checkNotEmpty(name, size);
  const head = found.isFile() ? await readHead(name, fd, HEAD_SIZE, start) : undefined;
  if (isSent ?? (head !== undefined && beginsSendStream(head))) {
    const stream = fileStream(name, readableFile(name, fd), { start, end: start + size });
    if (!head || packedByName(name, head) !== 'gz') return { stream, isSent: true };
    const { openCompressed } = await import('./packed.ts');
    return { ...openCompressed(stream, 'gz'), isSent: true };
  }
  const packed = packedKind(name, head, options);
  if (packed) {
    const { openPacked } = await import('./packed-file.ts'); // rare
    return openPacked(descriptor, size, packed, options);
  }
  const format = formatOf(name, head && { head, size }, options);
  checkChoice(name, format, options);
  return files.watch(
    format
      ? await openImageSource(descriptor, size, format, { ...options, onOpen: files.add })
      : await openRaw(descriptor, size, found.isFile(), options),
  );
}

async function openRaw(
  { name, fd, start }: Descriptor,
  size: number,
  isFile: boolean,
  options: SourceOptions,
): Promise<Source> {
  checkStatedSize(name, size, options);
  if (!isFile && !options.liveInconsistent) await warnOfMounts(name, fd, options.onWarning);
  const isPast = !isFile && !options.cachedRead;
  const file = isPast ? await deviceFile(name, fd, options.signal) : readableFile(name, fd);
  const source = positionedSource(name, file, size, start);
  if (!isFile) return options.liveInconsistent ? frozenSource(source, fd, options) : source;
  if (options.readHoles) return source;
  const { dataMap } = await import('../sources/data-map.ts');
  const ranges = await dataMap(fd, start, size, { signal: options.signal });
  return ranges ? sparseSource(source, ranges) : source;
}

async function openImageSource(
  { name, path, fd, start }: Descriptor,
  size: number,
  format: Format,
  {
    size: stated,
    allowBacking,
    threads,
    readHoles,
    signal,
    onOpen,
  }: SourceOptions & Pick<OpenImageOptions, 'onOpen'>,
): Promise<Source> {
  if (start !== 0) {
    throw new KexportError('source', `${name} has been read from: an image begins at byte 0`);
  }
  // Imported on demand: a raw disk needs no reader.
  const [{ openImage }, { imageSource }] = await Promise.all([
    import('../images/open-image.ts'),
    import('../images/image-source.ts'),
  ]);
  // Other files of an image on ZFS are looked for beside it in the snapshot.
  const image = await openImage(path, fd, size, {
    format,
    allowBacking,
    diskSize: stated,
    signal,
    onOpen,
  });
  return withSource(imageSource(image, { threads, readHoles }), { name });
}

function refuseStream(name: string, { from = 'raw' }: SourceOptions): void {
  const packed = packedNamed(from);
  if (from === 'raw' || from === 'zfs-send' || (packed && packed !== 'zip')) return;
  const what = `${from} cannot be read from ${name}: it is not read front to back`;
  throw new KexportError('usage', what, { hint: 'put it into a file first' });
}

/** A character device such as /dev/zero, of which `size` bytes are read. */
function endlessStream(name: string, fd: number, size: number | undefined): ByteStream {
  if (size === undefined) {
    throw new KexportError('source', `${name} is a character device and has no size`, {
      hint: wording`give the number of bytes to read with ${option('size')}`,
    });
  }
  return byteStream(
    name,
    createReadStream('', { fd, end: size - 1, autoClose: !isStandardStream(fd) }),
  );
}
