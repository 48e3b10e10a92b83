import type { ReadableFile } from '../host/readable-file.ts';
import { checkWithin, type FileInput } from './file-input.ts';

/** An image of `size` bytes in a file that is not open on this machine. Does not own the file. */
export function remoteInput(
  name: string,
  size: number,
  file: Pick<ReadableFile, 'read'>,
): FileInput {
  return {
    name,
    fd: undefined,
    size,
    async read(imageOffset, length) {
      checkWithin(size, imageOffset, length);
      const bytes = new Uint8Array(length);
      await file.read(imageOffset, bytes);
      return bytes;
    },
  };
}
