import type { None } from '../../formats/index.ts';
import { disposable } from '../sources/disposable.ts';
import { KexportError } from '../errors.ts';
import {
  type BytesFrom,
  byteStreamFrom,
  isFileHandle,
  nameOf,
} from '../byte-streams/byte-stream-from.ts';
import { randomAccessSource } from '../sources/random-access.ts';
import type { OpenSource, Source } from '../sources/source.ts';
import { checkStatedSize, openDescriptor } from './open-descriptor.ts';
import { asDisk } from './open-source.ts';
import type { SentChoice } from './source-options.ts';

/** Options of {@link sourceFrom}, for a raw disk or a zfs send stream. */
export type SourceFromOptions = BytesOptions & (RawBytes | SentBytes);

/** Options of {@link sourceFrom} for any input. */
export interface BytesOptions {
  /**
   * The name of the disk in messages. Default: the kind of the input, such as `memory` or `the
   * stream`.
   */
  readonly name?: string | undefined;
  /**
   * Size of the disk in bytes; an error if it is wrong. Without it, the size of a stream is known
   * only at its end, and the disk is spooled to a file for formats that need the size beforehand.
   */
  readonly size?: number | undefined;
  /**
   * Accepts a stream that ends before the end that its partition table or file system requires.
   * Default: an error.
   */
  readonly allowTruncated?: boolean | undefined;
  /** Aborts the opening with a KexportError `aborted`; reading has a signal of its own. */
  readonly signal?: AbortSignal | undefined;
}

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
    return disposable(await asDisk({ stream, isSent: true }, { ...rest, from }));
  }
  return disposable(await rawSource(input, name, options));
}

async function rawSource(
  input: BytesFrom,
  name: string,
  { size, allowTruncated, signal }: BytesOptions,
): Promise<Source> {
  if (input instanceof Uint8Array) {
    checkSize(name, input.length, size);
    return randomAccessSource(name, input.length, (diskOffset, buffer) => {
      buffer.set(input.subarray(diskOffset, diskOffset + buffer.length));
      return Promise.resolve();
    });
  }
  if (input instanceof Blob) {
    checkSize(name, input.size, size);
    return randomAccessSource(name, input.size, async (diskOffset, buffer) => {
      const slice = input.slice(diskOffset, diskOffset + buffer.length);
      buffer.set(new Uint8Array(await slice.arrayBuffer()));
    });
  }
  if (!isFileHandle(input)) {
    const stream = byteStreamFrom(input, { name });
    return asDisk({ stream, isSent: false }, { from: 'raw', size, allowTruncated, signal });
  }
  const found = await input.stat();
  if (!found.isFile() && !found.isBlockDevice() && !found.isDirectory()) {
    throw new KexportError('source', `${name} is neither a file nor a block device`, {
      hint: 'for a pipe, give its stream: handle.createReadStream()',
    });
  }
  const descriptor = { name, path: name, fd: input.fd, start: 0 };
  const source = await asDisk(await openDescriptor(descriptor, { from: 'raw', size }), {});
  return { ...source, close: () => Promise.resolve() }; // the caller owns the file
}

function checkSize(name: string, size: number, stated: number | undefined): void {
  if (size === 0) throw new KexportError('source', `${name} is empty: it has no byte to read`);
  checkStatedSize(name, size, { size: stated });
}
