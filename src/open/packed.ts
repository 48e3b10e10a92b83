// Opens a disk in a compressed file or a zip archive. It is read front to back, in constant memory
// whatever its size.

import { inflatedStream } from '#inflated';
import { crc32 } from '../runtime/crc32.ts';
import { KexportError, option, wording } from '../errors.ts';
import { type ByteStream, peekable } from '../byte-streams/byte-stream.ts';
import { HEAD_SIZE, imageKind } from '../images/image-kind.ts';
import type { OpenedStream } from './opened.ts';
import type { SourceOptions } from './source-options.ts';
import type { ImageInput, WholeCompression } from '../../formats/index.ts';
import { compressedDisk } from '../byte-streams/compressed-disk.ts';
import { fixedVhdStream, VHD_FOOTER_SIZE } from '../byte-streams/vhd-stream.ts';
import { findZipEntry, type ZipEntry } from '../byte-streams/zip-entry.ts';

/** A zip archive with random access. */
type Archive = ImageInput & { readonly name: string };

/**
 * Opens the disk in a zip archive, of which `part` reads the bytes from one to before another. The
 * stream owns what `part` returns. Throws a KexportError.
 */
export async function openZip(
  archive: Archive,
  part: (start: number, end: number) => ByteStream,
  options: Pick<SourceOptions, 'size'>,
): Promise<OpenedStream> {
  const { name } = archive;
  const entry = await findZipEntry(archive);
  const { dataOffset, packedSize } = entry;
  const isVhd = isVhdName(entry.name);
  const diskSize = isVhd ? entry.size - VHD_FOOTER_SIZE : entry.size;
  if (diskSize <= 0) throw new KexportError('source', `${name}: ${entry.name} is empty`);
  if (options.size !== undefined && options.size !== diskSize) {
    const what = `the disk in ${name} has ${diskSize} bytes`;
    throw new KexportError('source', wording`${what}, ${option('size')} says ${options.size}`);
  }
  const packed = part(dataOffset, dataOffset + packedSize);
  const unpacked = entry.isStored ? packed : inflatedStream(packed, 'deflate');
  return {
    stream: diskStream(checkedStream(unpacked, entry), isVhd),
    isSent: undefined,
    size: diskSize,
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
