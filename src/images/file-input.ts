import { read } from 'node:fs';
import { promisify } from 'node:util';
import { FormatError, type ImageInput } from '../../formats/index.ts';
import { KexportError, reasonOf } from '../errors.ts';

const readAt = promisify(read);

/** A file that is read as an image, or as a part of one. Whoever opened it closes it. */
export interface FileInput extends ImageInput {
  /** What people call it. */
  readonly name: string;
  readonly fd: number;
}

/** Throws a KexportError where the file cannot be read. */
export function fileInput(name: string, fd: number, size: number): FileInput {
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
      for (let done = 0; done < length;) {
        const count = await readSome(bytes, done, imageOffset + done);
        if (count === 0) throw new KexportError('source', `${name} shrank while it was read`);
        done += count;
      }
      return bytes;
    },
  };

  async function readSome(bytes: Buffer, at: number, position: number): Promise<number> {
    try {
      return (await readAt(fd, bytes, at, bytes.length - at, position)).bytesRead;
    } catch (cause) {
      throw new KexportError(
        'source',
        `cannot read ${name} at byte ${position}: ${reasonOf(cause)}`,
        {
          cause,
        },
      );
    }
  }
}
