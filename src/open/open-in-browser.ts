// What `openSource`, `sourceFrom`, `openImageFile` and `imageInfo` are in a browser, where a disk
// has no name but is a Blob or at an address.

import { type ByteInput, byteStreamFrom, nameOf } from '../byte-streams/byte-stream-from.ts';
import { KexportError, unexpectedFailure } from '../errors.ts';
import { blobFile } from '../images/blob-file.ts';
import { describeImage, type ImageInfo } from '../images/describe-image.ts';
import { openRangedImage, type RangedImageOptions } from '../images/open-ranged-image.ts';
import type { ImageFiles } from '../images/read-image.ts';
import { type FetchOptions, openFetched } from '../remote/fetch-file.ts';
import type { RemoteFile } from '../remote/remote-file.ts';
import { disposable } from '../sources/disposable.ts';
import type { OpenSource } from '../sources/source.ts';
import { asDisk } from './as-disk.ts';
import { type BytesOptions, bytesSource } from './bytes-source.ts';
import { openRanged } from './open-ranged.ts';
import type { CommonOptions, FromFormat, OvaChoice, SentChoice } from './source-options.ts';

/** A file in a browser: one that was dropped or chosen, or the address of one, of http or https. */
export type BrowserInput = Blob | URL | string;

/** Options of {@link openSource} in a browser. */
export interface BrowserSourceOptions
  extends
    Pick<
      CommonOptions,
      'size' | 'allowTruncated' | 'threads' | 'connections' | 'signal' | 'onWarning'
    >,
    OvaChoice,
    Pick<SentChoice, 'streamVolume' | 'streamSnapshot'> {
  /** The name of the disk, whose end says what it is. Default: that of the file. */
  readonly name?: string | undefined;
  /**
   * The format of the bytes. Default: that of the name, if its first bytes agree; a zfs send stream
   * if it begins like one; otherwise a raw disk.
   */
  readonly from?: FromFormat | undefined;
  /** Of a qcow2: its disk as this snapshot in it has it, by its id or its name. */
  readonly internalSnapshot?: string | undefined;
}

/**
 * Opens a disk or an image of one: a file that was dropped or chosen, or one at an address, which
 * is read by ranges. No other file is opened. Throws a KexportError.
 */
export async function openSource(
  input: BrowserInput,
  options: BrowserSourceOptions = {},
): Promise<OpenSource> {
  const file = await openInput(input, options);
  try {
    // One of the three kinds that the type of Node's `openSource` tells apart.
    const wanted = options as Parameters<typeof openRanged>[1];
    return disposable(await asDisk(await openRanged(file, wanted), wanted));
  } catch (error) {
    await file.close();
    throw unexpectedFailure(`cannot open ${file.name}`, error);
  }
}

/** Options of {@link sourceFrom} in a browser. */
export interface BrowserBytesOptions extends BytesOptions {
  /** Default raw. */
  readonly from?: 'raw' | 'zfs-send' | undefined;
  /** Of a zfs send stream: see `SentChoice`. */
  readonly streamVolume?: string | undefined;
  /** Of a zfs send stream: see `SentChoice`. */
  readonly streamSnapshot?: string | undefined;
}

/**
 * Makes a source of bytes in memory, a Blob, or a stream, whatever they begin with: a raw disk, or
 * with `from` a zfs send stream. The source owns a stream, and ends it when it is closed. Throws a
 * KexportError. For an image, see {@link openSource}.
 */
export async function sourceFrom(
  input: Uint8Array | Blob | ByteInput,
  options: BrowserBytesOptions = {},
): Promise<OpenSource> {
  const { name = nameOf(input), from, ...rest } = options;
  if (from !== 'zfs-send') return disposable(await bytesSource(input, name, options));
  const stream = byteStreamFrom(input, { name });
  return disposable(await asDisk({ stream, isSent: true }, { ...rest, from }));
}

/** Options of {@link openImageFile} in a browser. */
export interface BrowserImageOptions extends RangedImageOptions, FetchOptions {
  /** The name of the image, whose end says what it is. Default: that of the file. */
  readonly name?: string | undefined;
}

/** Opens an image, as `imageInfo` and `verifyImageFiles` take it. Throws a KexportError. */
export async function openImageFile(
  input: BrowserInput,
  options: BrowserImageOptions = {},
): Promise<ImageFiles & AsyncDisposable> {
  return disposable(await openRangedImage(await openInput(input, options), options));
}

/**
 * Describes an image. Walks its tables, and reads some KiB of its disk and of each partition.
 * Throws a KexportError.
 */
export async function imageInfo(
  input: BrowserInput,
  options: BrowserImageOptions = {},
): Promise<ImageInfo> {
  const image = await openImageFile(input, { ...options, alone: true });
  try {
    return await describeImage(image);
  } finally {
    await image.close();
  }
}

async function openInput(
  input: BrowserInput,
  { name, ...options }: FetchOptions & { readonly name?: string | undefined },
): Promise<RemoteFile> {
  if (input instanceof Blob) return blobFile(name ?? nameOf(input), input);
  if (typeof input === 'string' && !URL.canParse(input)) {
    throw new KexportError('usage', `${input} is not an address`);
  }
  const file = await openFetched(new URL(input), options);
  return name === undefined ? file : { ...file, name };
}
