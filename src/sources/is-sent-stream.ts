import { open, stat } from 'node:fs/promises';
import { beginsSendStream, HEAD_SIZE } from './image-kind.ts';

/**
 * Whether a file that may as well be an image is a zfs send stream: a regular file that begins with one, or `-`, since an
 * image is not read front to back. False for what cannot be opened: who tries next says why.
 */
export async function isSentStream(path: string): Promise<boolean> {
  if (path === '-') return true;
  const found = await stat(path).catch(() => undefined);
  if (!found?.isFile()) return false;
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(HEAD_SIZE), 0, HEAD_SIZE, 0);
    return beginsSendStream(buffer.subarray(0, bytesRead));
  } finally {
    await file.close();
  }
}
