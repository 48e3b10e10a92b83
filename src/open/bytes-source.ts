import { type ByteInput, byteStreamFrom } from '../byte-streams/byte-stream-from.ts';
import { checkNotEmpty } from '../images/file-input.ts';
import { randomAccessSource } from '../sources/random-access.ts';
import type { Source } from '../sources/source.ts';
import { asDisk } from './as-disk.ts';
import { blobFile } from '../images/blob-file.ts';
import { checkStatedSize } from './format-of.ts';

/** Options of `sourceFrom` for any input. */
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

/**
 * The raw disk in bytes of memory, a Blob, or a stream, which messages call `name`. Owns a stream.
 * Throws a KexportError.
 */
export async function bytesSource(
  input: Uint8Array | Blob | ByteInput,
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
    const file = blobFile(name, input);
    return randomAccessSource(name, input.size, (at, buffer) => file.read(at, buffer));
  }
  const stream = byteStreamFrom(input, { name });
  return asDisk({ stream, isSent: false }, { from: 'raw', size, allowTruncated, signal });
}

function checkSize(name: string, size: number, stated: number | undefined): void {
  checkNotEmpty(name, size);
  checkStatedSize(name, size, { size: stated });
}
