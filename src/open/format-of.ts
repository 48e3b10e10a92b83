// What is decided of a file before it is opened as a disk, an image or a stream.

import type { Format, FormatName } from '../../formats/index.ts';
import { KexportError, option, wording } from '../errors.ts';
import { type FileBegin, formatNamed, formatOfFile } from '../images/image-format.ts';
import { packedByName, packedNamed, type PackedKind } from '../images/image-kind.ts';
import type { SourceOptions } from './source-options.ts';

/** Throws a KexportError if the disk does not have the size that was stated. */
export function checkStatedSize(name: string, size: number, options: SourceOptions): void {
  if (options.size === undefined || options.size === size) return;
  throw new KexportError(
    'source',
    wording`${name} has ${size} bytes, ${option('size')} says ${options.size}`,
  );
}

/**
 * How a regular file with that head is compressed. Throws a KexportError if `from` gives a
 * compression for anything but a regular file.
 */
export function packedKind(
  name: string,
  head: Buffer | undefined,
  { from }: SourceOptions,
): PackedKind | undefined {
  if (from === undefined) return head && packedByName(name, head);
  const packed = packedNamed(from);
  if (packed === undefined || head) return packed;
  throw new KexportError('usage', `${name} is a device: ${from} is read from files`);
}

/** The format of an image; undefined for a raw disk. `begin` is only given for a regular file. */
export function formatOf(
  name: string,
  begin: FileBegin | undefined,
  { from, ovaDisk, internalSnapshot }: SourceOptions,
): Format | undefined {
  if (from === 'raw' || from === 'zfs-send' || packedNamed(from)) return undefined;
  const choice = { ovaDisk, internalSnapshot };
  if (from !== undefined) return formatNamed(from as FormatName, choice); // no compression
  return begin && formatOfFile(name, begin, choice);
}
