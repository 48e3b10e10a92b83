import { KexportError, option, wording } from '../errors.ts';
import { SLAB_SIZE } from '../workers/slab.ts';
import type { ByteStream } from '../byte-streams/byte-stream.ts';
import type { Source } from './source.ts';

/**
 * A raw disk from a pipe. Its size is known at the end; if `stated` is given, a stream of another
 * length is an error. Owns the stream, and closes it.
 */
export function streamSource(stream: ByteStream, stated?: number): Source {
  const { name } = stream;
  let rest: Buffer = Buffer.alloc(0);
  let diskOffset = 0;
  let size = stated;

  /** The next piece of the stream, at most `most` bytes; undefined at its end. */
  async function piece(most: number, signal: AbortSignal | undefined): Promise<Buffer | undefined> {
    if (rest.length === 0) {
      const chunk = await stream.read(signal);
      if (!chunk) return undefined;
      rest = chunk;
    }
    const taken = rest.subarray(0, most);
    rest = rest.subarray(taken.length);
    return taken;
  }

  return {
    name,
    get size() {
      return size;
    },
    async next(buffer, signal) {
      // Small steps, so that data from a slow pipe is passed on early.
      const wanted = Math.min(buffer.length, SLAB_SIZE);
      let length = 0;
      while (length < wanted) {
        const bytes = await piece(wanted - length, signal);
        if (!bytes) break;
        buffer.set(bytes, length);
        length += bytes.length;
      }
      const extent = { diskOffset, length };
      diskOffset += length;
      if (stated !== undefined && (diskOffset > stated || (length === 0 && diskOffset < stated))) {
        throw wrongSize(stated);
      }
      if (length > 0) return extent;
      if (diskOffset === 0) throw new KexportError('source', `${name} is empty: no byte came`);
      size = diskOffset;
      return undefined;
    },
    close: () => stream.close(),
  };

  function wrongSize(expected: number): KexportError {
    const found = diskOffset < expected ? `ended after ${diskOffset}` : 'goes on after';
    const bytes = diskOffset < expected ? `of ${expected} bytes` : `${expected} bytes`;
    return new KexportError('source', `${name} ${found} ${bytes}: that is not the size stated`, {
      hint: wording`check ${option('size')}, and whether the program before the pipe has failed`,
    });
  }
}
