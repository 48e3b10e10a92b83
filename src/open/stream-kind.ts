import { open, stat } from 'node:fs/promises';
import { constants, gunzipSync } from 'node:zlib';
import { KexportError } from '../errors.ts';
import { readHead } from '../host/readable-file.ts';
import {
  beginsSendStream,
  packedByName,
  type PackedKind,
  packedNamed,
} from '../images/image-kind.ts';
import type { FromFormat } from './source-options.ts';

/**
 * Bytes at the start of a file that suffice to recognize it, or what is compressed in it: in a gzip
 * file, a name and a table of codes may come first.
 */
const READ_SIZE = 4096;

/** Kinds of files that are read front to back, unlike images. */
export type StreamKind = PackedKind | 'zfs-send';

/**
 * The kind of a file, from `from`, else by its name and its first bytes; `-` is a zfs send stream.
 * Undefined for anything else, such as an image, and for a file that cannot be opened: the caller
 * opens it next and gets the error. Throws a KexportError for an image on standard input.
 */
export async function streamKind(
  path: string,
  from: FromFormat | undefined,
): Promise<StreamKind | undefined> {
  if (from === 'zfs-send') return from;
  const named = packedNamed(from);
  if (named) return named;
  if (path === '-') {
    if (from === undefined) return 'zfs-send';
    throw new KexportError('usage', `${from} cannot be inspected on standard input`, {
      hint: 'name the file; one that the shell has opened is /dev/stdin',
    });
  }
  return from === undefined ? kindOfFile(path) : undefined;
}

async function kindOfFile(path: string): Promise<StreamKind | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return undefined;
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return undefined;
  try {
    const head = await readHead(path, file.fd, READ_SIZE);
    const packed = packedByName(path, head);
    return beginsSendStream(packed === 'gz' ? unpackedHead(head) : head) ? 'zfs-send' : packed;
  } finally {
    await file.close();
  }
}

/** Decompresses as much as the head of a gzip file gives; empty if it is damaged. */
function unpackedHead(head: Buffer): Buffer {
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0);
  }
}
