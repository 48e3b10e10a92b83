import { alignedMemory, ALIGNMENT, isAligned } from '../workers/aligned-memory.ts';
import { roundDown, roundUp } from '../../formats/rounding.ts';
import { systemFile } from '../host/descriptors.ts';
import { readFully, readUpTo, shrank } from '../host/read-fully.ts';

const BUFFER_SIZE = 2 ** 20;

/**
 * Returns a function that fills `target` from a position of the file that is open as `fd` with
 * O_DIRECT: without a copy if the position, the memory and the length are multiples of ALIGNMENT.
 * Its calls may overlap. It throws a KexportError that calls the file `name`.
 */
export function directReads(
  name: string,
  fd: number,
): (position: number, target: Uint8Array) => Promise<void> {
  const file = systemFile(fd);
  let buffer: Uint8Array | undefined;
  let last: Promise<void> = Promise.resolve();

  /** Reads through the buffer. There is only one, so calls must not overlap. */
  async function fillByBuffer(position: number, target: Uint8Array): Promise<void> {
    buffer ??= new Uint8Array(alignedMemory(BUFFER_SIZE), 0, BUFFER_SIZE);
    for (let done = 0; done < target.length;) {
      const first = roundDown(position + done, ALIGNMENT);
      const skipped = position + done - first;
      const wanted = Math.min(roundUp(skipped + target.length - done, ALIGNMENT), BUFFER_SIZE);
      // At the end of a device there is less than a multiple of ALIGNMENT.
      const count = await readUpTo(name, file, first, buffer.subarray(0, wanted));
      const found = buffer.subarray(skipped, Math.min(count, skipped + target.length - done));
      if (found.length === 0) throw shrank(name, first + count);
      target.set(found, done);
      done += found.length;
    }
  }

  return (position, target) => {
    if (position % ALIGNMENT === 0 && isAligned(target))
      return readFully(name, file, position, target);
    last = last.catch(() => undefined).then(() => fillByBuffer(position, target));
    return last;
  };
}
