import type { SystemFile } from '../runtime/host.ts';

// IOV_MAX: with more buffers in one call, Linux returns EINVAL.
const MAX_BUFFERS = 1024;

/**
 * Writes buffers one after the other, and repeats the call until all is written: from `position`
 * on, or at the current position of the file if that is undefined. Throws the error of the system.
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

/** The rest of the buffers after their first `count` bytes. */
export function after(buffers: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let i = 0;
  for (let next = buffers[0]; next && next.length <= count; next = buffers[++i]) {
    count -= next.length;
  }
  const [first, ...others] = buffers.slice(i);
  return first ? [first.subarray(count), ...others] : [];
}
