import { throwIfAborted } from '../errors.ts';
import type { RandomAccessSource } from './positioned.ts';

/** A disk of `size` bytes that `fill` can read at any offset. `close` does nothing. */
export function randomAccessSource(
  name: string,
  size: number,
  fill: (diskOffset: number, buffer: Uint8Array) => Promise<void>,
): RandomAccessSource {
  let position = 0;
  const read = async (diskOffset: number, buffer: Uint8Array) => {
    const length = Math.max(0, Math.min(buffer.length, size - diskOffset));
    if (length > 0) await fill(diskOffset, buffer.subarray(0, length));
    return length;
  };
  return {
    name,
    size,
    async next(buffer, signal) {
      throwIfAborted(signal);
      const diskOffset = position;
      const length = await read(diskOffset, buffer);
      position += length;
      return length === 0 ? undefined : { diskOffset, length };
    },
    read,
    close: () => Promise.resolve(),
  };
}
