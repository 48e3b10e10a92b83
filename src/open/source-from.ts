import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import type { None } from '../../formats/index.ts';
import { disposable } from '../sources/disposable.ts';
import { KexportError } from '../errors.ts';
import { closeFile, openFile } from '../host/descriptors.ts';
import {
  type BytesFrom,
  byteStreamFrom,
  isFileHandle,
  nameOf,
} from '../byte-streams/byte-stream-from.ts';
import type { OpenSource, Source } from '../sources/source.ts';
import { asDisk } from './as-disk.ts';
import { type BytesOptions, bytesSource } from './bytes-source.ts';
import { openDescriptor } from './open-descriptor.ts';
import { openBase } from './open-source.ts';
import type { Opened } from './opened.ts';
import type { SentChoice } from './source-options.ts';

/** Options of {@link sourceFrom}, for a raw disk or a zfs send stream. */
export type SourceFromOptions = BytesOptions & (RawBytes | SentBytes);

/** The bytes are a raw disk, whatever they begin with. */
export interface RawBytes extends None<StreamDisk> {
  /** Default raw. */
  readonly from?: 'raw' | undefined;
}

/** The bytes are a zfs send stream. */
export interface SentBytes extends StreamDisk {
  /** `zfs-send`. */
  readonly from: 'zfs-send';
}

/** Which disk of a zfs send stream to read. */
export type StreamDisk = Omit<SentChoice, 'incrementalFrom'>;

/**
 * Makes a source of bytes in memory, an open file, or a stream. Memory and files have random
 * access. The source owns a stream, and ends it when it is closed; the caller owns a file, which
 * stays open; the bytes of an array must not change while they are read. Throws a KexportError. For
 * an image (qcow2, vmdk and so on), see {@link openSource}.
 */
export async function sourceFrom(
  input: BytesFrom,
  options: SourceFromOptions = {},
): Promise<OpenSource> {
  const { name = nameOf(input), from, ...rest } = options;
  if (from === 'zfs-send') {
    const stream = byteStreamFrom(input, { name });
    return disposable(await asDisk({ stream, isSent: true }, { ...rest, from }, openBase));
  }
  if (isFileHandle(input)) return disposable(await handleSource(input, name, options));
  return disposable(await bytesSource(input, name, options));
}

async function handleSource(
  input: FileHandle,
  name: string,
  { size }: BytesOptions,
): Promise<Source> {
  const found = await input.stat();
  if (!found.isFile() && !found.isBlockDevice() && !found.isDirectory()) {
    throw new KexportError('source', `${name} is neither a file nor a block device`, {
      hint: 'for a pipe, give its stream: handle.createReadStream()',
    });
  }
  if (found.isBlockDevice()) return deviceSource(input, name, size);
  const descriptor = { name, path: name, fd: input.fd, start: 0 };
  const source = await asDisk(await openDescriptor(descriptor, { from: 'raw', size }), {});
  return { ...source, close: () => Promise.resolve() }; // the caller owns the file
}

/** Of a descriptor of its own: what is read past the page cache is closed with the source. */
async function deviceSource(
  input: FileHandle,
  name: string,
  size: number | undefined,
): Promise<Source> {
  const fd = await openFile(`/proc/self/fd/${input.fd}`, constants.O_RDONLY);
  let opened: Opened;
  try {
    opened = await openDescriptor({ name, path: name, fd, start: 0 }, { from: 'raw', size });
  } catch (error) {
    await closeFile(fd);
    throw error;
  }
  return asDisk(opened, {});
}
