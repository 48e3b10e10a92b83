import type { SystemFile } from '../runtime/host.ts';

// More buffers than this in one call and Linux answers EINVAL (IOV_MAX).
const MAX_BUFFERS = 1024;

/**
 * Writes buffers one after the other, going on where the system stops short: at a position, or
 * where the file is if that is undefined. Throws what the system says.
 */
export async function writeFully(
  file: Pick<SystemFile, 'write'>,
  position: number | undefined,
  buffers: readonly Uint8Array[],
): Promise<void> {
  let at = position;
  let rest = buffers;
  while (rest.length > 0) {
    const count = await file.write(at, rest.slice(0, MAX_BUFFERS));
    if (at !== undefined) at += count;
    rest = after(rest, count);
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
