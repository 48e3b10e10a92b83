import { FormatError, type ImageInput } from '../../formats/index.ts';
import { systemFile } from '../host/descriptors.ts';
import { readFully } from '../host/read-fully.ts';

/** A file that is read as an image, or as a part of one. Does not own the descriptor. */
export interface FileInput extends ImageInput {
  /** The name of the file in messages. */
  readonly name: string;
  /** The descriptor of the open file. */
  readonly fd: number;
}

/**
 * Reads `size` bytes of the file open as `fd`, which the caller closes. Its `read` throws a
 * KexportError if the file cannot be read.
 */
export function fileInput(name: string, fd: number, size: number): FileInput {
  const file = systemFile(fd);
  return {
    name,
    fd,
    size,
    async read(imageOffset, length) {
      if (length > size - imageOffset) {
        throw new FormatError(
          'damaged',
          `the image ends at byte ${size}, within ${length} bytes at ${imageOffset}`,
        );
      }
      const bytes = Buffer.allocUnsafeSlow(length);
      await readFully(name, file, imageOffset, bytes);
      return bytes;
    },
  };
}
