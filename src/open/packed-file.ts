import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { type ByteStream, byteStream } from '../byte-streams/byte-stream.ts';
import { KexportError } from '../errors.ts';
import { isStandardStream } from '../host/descriptors.ts';
import type { PackedKind } from '../images/image-kind.ts';
import { fileInput } from '../images/local-input.ts';
import type { Descriptor, OpenedStream } from './opened.ts';
import { openCompressed, openZip } from './packed.ts';
import type { SourceOptions } from './source-options.ts';

const STREAM_CHUNK = 1 << 20;

/**
 * Opens the compressed disk in a regular file. Owns the descriptor from then on, unless it throws a
 * KexportError.
 */
export async function openPacked(
  { name, fd, start }: Descriptor,
  size: number,
  kind: PackedKind,
  options: SourceOptions,
): Promise<OpenedStream> {
  if (kind !== 'zip') {
    return openCompressed(fileStream(name, fd, { start }), kind);
  }
  if (start !== 0) {
    throw new KexportError('source', `${name} has been read from: an archive begins at byte 0`);
  }
  const part = (from: number, end: number) => fileStream(name, fd, { start: from, end: end - 1 });
  return openZip(fileInput(name, fd, size), part, options);
}

/** A part of a regular file. Its `close` waits until the descriptor is closed. */
function fileStream(
  name: string,
  fd: number,
  range: { readonly start: number; readonly end?: number },
): ByteStream {
  const autoClose = !isStandardStream(fd);
  const file = createReadStream('', { fd, highWaterMark: STREAM_CHUNK, autoClose, ...range });
  const stream = byteStream(name, file);
  return {
    ...stream,
    async close() {
      await stream.close();
      if (!file.closed) await once(file, 'close');
    },
  };
}
