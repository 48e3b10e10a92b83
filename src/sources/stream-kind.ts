import { open, stat } from 'node:fs/promises';
import { KexportError } from '../errors.ts';
import { beginsSendStream, HEAD_SIZE, packedByName } from './image-kind.ts';
import type { FromFormat, PackedKind } from './source-options.ts';

/** What is read front to back, as no image is. */
export type StreamKind = PackedKind | 'zfs-send';

/**
 * Which of those a file is that may as well be an image: the one that `from` says, else by its name and its first bytes; `-`
 * is a zfs send stream. Undefined for all else, and for what cannot be opened: who tries next says why. Throws a
 * KexportError for an image on standard input.
 */
export async function streamKind(
  path: string,
  from: FromFormat | undefined,
): Promise<StreamKind | undefined> {
  if (from === 'zfs-send' || from === 'gz' || from === 'zip') return from;
  if (path === '-') {
    if (from === undefined) return 'zfs-send';
    throw new KexportError('usage', `${from} is not looked into on standard input`, {
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
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_SIZE), 0, HEAD_SIZE, 0);
    const head = buffer.subarray(0, bytesRead);
    return beginsSendStream(head) ? 'zfs-send' : packedByName(path, head);
  } finally {
    await file.close();
  }
}
