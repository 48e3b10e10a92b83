// Opens a disk in a compressed file or a zip archive. It is read front to back, in constant memory
// whatever its size.

import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { crc32 } from '../runtime/crc32.ts';
import { KexportError, option, wording } from '../errors.ts';
import { isStandardStream } from '../host/descriptors.ts';
import { fileInput } from '../images/file-input.ts';
import { type ByteStream, byteStream, peekable } from '../byte-streams/byte-stream.ts';
import { HEAD_SIZE, imageKind, type PackedKind } from '../images/image-kind.ts';
import { inflatedStream } from '../byte-streams/inflated.ts';
import type { Descriptor } from './opened.ts';
import type { OpenedStream } from './opened.ts';
import type { SourceOptions } from './source-options.ts';
import type { WholeCompression } from '../../formats/index.ts';
import { compressedDisk } from '../byte-streams/compressed-disk.ts';
import { fixedVhdStream, VHD_FOOTER_SIZE } from '../byte-streams/vhd-stream.ts';
import { findZipEntry, type ZipEntry } from '../byte-streams/zip-entry.ts';

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
  const entry = await findZipEntry(fileInput(name, fd, size));
  const { dataOffset, packedSize } = entry;
  const isVhd = isVhdName(entry.name);
  const diskSize = isVhd ? entry.size - VHD_FOOTER_SIZE : entry.size;
  if (diskSize <= 0) throw new KexportError('source', `${name}: ${entry.name} is empty`);
  if (options.size !== undefined && options.size !== diskSize) {
    const what = `the disk in ${name} has ${diskSize} bytes`;
    throw new KexportError('source', wording`${what}, ${option('size')} says ${options.size}`);
  }
  const end = dataOffset + packedSize - 1;
  const packed = fileStream(name, fd, { start: dataOffset, end });
  const unpacked = entry.isStored ? packed : inflatedStream(packed, 'deflate');
  return {
    stream: diskStream(checkedStream(unpacked, entry), isVhd),
    isSent: undefined,
    size: diskSize,
  };
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

/** The disk in a compressed stream, which it owns; the stream's name says whether it is a vhd. */
export function openCompressed(packed: ByteStream, kind: WholeCompression): OpenedStream {
  const isVhd = isVhdName(packed.name.replace(/\.(gz|zst)$/i, ''));
  const stream = diskStream(compressedDisk(packed, kind), isVhd);
  return { stream, isSent: kind === 'tar.gz' ? false : undefined };
}

function isVhdName(name: string): boolean {
  return /\.(vhd|vpc)$/i.test(name);
}

/**
 * The disk in a decompressed stream. The first read throws a KexportError for an image, which
 * cannot be read front to back.
 */
function diskStream(stream: ByteStream, isVhd: boolean): ByteStream {
  let begun = false;
  const readChunk = async (signal: AbortSignal | undefined) => {
    const found = begun ? undefined : imageKind(await stream.peek(HEAD_SIZE, signal));
    begun = true;
    if (!found) return stream.read(signal);
    const what = `${stream.name} does not hold a raw disk: it begins like ${found.title}`;
    throw new KexportError('source', what, {
      hint: 'unpack it first; if it is a raw disk after all, unpack it into a pipe: kexport FORMAT -',
    });
  };
  const disk = peekable(stream.name, readChunk, () => stream.close());
  return isVhd ? fixedVhdStream(disk) : disk;
}

/** The bytes of an entry. Checks that they have the size and the CRC-32 that the archive says. */
function checkedStream(stream: ByteStream, entry: ZipEntry): ByteStream {
  let size = 0;
  let crc = 0;
  const check = (found: number, expected: number, what: string) => {
    if (found === expected) return;
    const contents = `${entry.name} has ${what} ${found}, the archive says ${expected}`;
    throw new KexportError('damaged', `${stream.name} is damaged: ${contents}`);
  };
  const readChunk = async (signal: AbortSignal | undefined) => {
    const chunk = await stream.read(signal);
    if (!chunk) {
      check(size, entry.size, 'the size');
      check(crc, entry.crc32, 'the CRC-32');
      return undefined;
    }
    size += chunk.length;
    if (size > entry.size) check(size, entry.size, 'at least the size');
    crc = crc32(chunk, crc);
    return chunk;
  };
  return peekable(stream.name, readChunk, () => stream.close());
}
