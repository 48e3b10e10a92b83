import type { FileHandle } from 'node:fs/promises';

// More buffers than this in one call and Linux answers EINVAL (IOV_MAX).
const MAX_BUFFERS = 1024;

/** Writes buffers one after the other at a position, going on where the system stops short. */
export async function writeFully(
  file: FileHandle,
  position: number,
  buffers: readonly Uint8Array[],
): Promise<void> {
  let rest = buffers;
  while (rest.length > 0) {
    const { bytesWritten } = await file.writev(rest.slice(0, MAX_BUFFERS), position);
    position += bytesWritten;
    rest = after(rest, bytesWritten);
  }
}

/** What is left of the buffers after their first `count` bytes. */
export function after(buffers: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let i = 0;
  for (let next = buffers[0]; next && next.length <= count; next = buffers[++i]) {
    count -= next.length;
  }
  const [first, ...others] = buffers.slice(i);
  return first ? [first.subarray(count), ...others] : [];
}
