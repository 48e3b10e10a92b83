import { KexportError, reasonOf } from '../errors.ts';
import type { SystemFile } from '../runtime/host.ts';

type Readable = Pick<SystemFile, 'read'>;

/**
 * Fills `target` from a position of a file on. Throws a KexportError that calls the file `name`.
 */
export async function readFully(
  name: string,
  file: Readable,
  position: number,
  target: Uint8Array,
): Promise<void> {
  const count = await readUpTo(name, file, position, target);
  if (count < target.length) throw shrank(name, position + count);
}

/** The error that a file `name` ends at a byte before the one that its size promised. */
export function shrank(name: string, end: number): KexportError {
  return new KexportError('source', `${name} ended at byte ${end}: it shrank while it was read`);
}

/**
 * The same, but returns the number of bytes read, which is less than `target` takes only at the end
 * of the file.
 */
export async function readUpTo(
  name: string,
  file: Readable,
  position: number,
  target: Uint8Array,
): Promise<number> {
  let done = 0;
  while (done < target.length) {
    const at = position + done;
    const count = await file.read(at, target.subarray(done)).catch((cause: unknown) => {
      const what = `cannot read ${name} at byte ${at}: ${reasonOf(cause)}`;
      throw new KexportError('source', what, { cause });
    });
    if (count === 0) break;
    done += count;
  }
  return done;
}
