import { KexportError } from '../errors.ts';
import type { Source } from './source.ts';

/**
 * Reads `length` bytes of a disk from an offset on, fewer only at the end of the disk. The caller
 * owns the returned buffer. Throws a KexportError, `unsupported` for a source without random
 * access, such as a pipe.
 */
export async function readDisk(
  source: Source,
  diskOffset: number,
  length: number,
): Promise<Uint8Array> {
  if (!source.read) {
    throw new KexportError('unsupported', `${source.name} can only be read front to back`, {
      hint: 'put it into a file first',
    });
  }
  const buffer = new Uint8Array(length);
  return buffer.subarray(0, await source.read(diskOffset, buffer));
}
