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
import { isRemote, openRemoteFile } from '../remote/open-remote.ts';
import { headOf } from '../remote/remote-file.ts';
import type { CommonOptions, FromFormat } from './source-options.ts';

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
  options: Pick<CommonOptions, 'connections' | 'endpoint' | 'signal'> = {},
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
  if (from !== undefined) return undefined;
  return isRemote(path) ? kindInStore(path, options) : kindOfFile(path);
}

async function kindOfFile(path: string): Promise<StreamKind | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return undefined;
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return undefined;
  try {
    return kindOf(path, await readHead(path, file.fd, READ_SIZE));
  } finally {
    await file.close();
  }
}

async function kindInStore(
  address: string,
  options: Pick<CommonOptions, 'connections' | 'endpoint' | 'signal'>,
): Promise<StreamKind | undefined> {
  const file = await openRemoteFile(address, options);
  try {
    return kindOf(file.name, await headOf(file, READ_SIZE));
  } finally {
    await file.close();
  }
}

function kindOf(name: string, head: Buffer): StreamKind | undefined {
  const packed = packedByName(name, head);
  return beginsSendStream(packed === 'gz' ? unpackedHead(head) : head) ? 'zfs-send' : packed;
}

/** Decompresses as much as the head of a gzip file gives; empty if it is damaged. */
function unpackedHead(head: Buffer): Buffer {
  try {
    return gunzipSync(head, { finishFlush: constants.Z_SYNC_FLUSH });
  } catch {
    return Buffer.alloc(0);
  }
}
