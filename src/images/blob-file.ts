import { KexportError, reasonOf } from '../errors.ts';
import type { RemoteFile } from '../remote/remote-file.ts';

/** Reads that are under way ahead of one that goes on where the last one ended. */
const AHEAD = 3;

/**
 * A Blob as a file that is read by ranges; messages call it `name`. Where it is read front to back,
 * it is read ahead: each read is a message to another process.
 */
export function blobFile(name: string, blob: Blob): RemoteFile {
  const ahead = new Map<number, Promise<Uint8Array>>(); // by their position
  let length = 0; // of each of them
  let end = 0; // of the last read

  async function load(position: number): Promise<Uint8Array> {
    const slice = blob.slice(position, position + length);
    const bytes = await slice.arrayBuffer().catch((cause: unknown) => {
      const what = `cannot read ${name} at byte ${position}: ${reasonOf(cause)}`;
      throw new KexportError('source', what, {
        cause,
        hint: 'was the file changed or removed since it was chosen?',
      });
    });
    return new Uint8Array(bytes);
  }

  return {
    name,
    size: blob.size,
    async read(position, target) {
      const isRun = position === end && target.length === length;
      if (!isRun) ahead.clear();
      end = position + target.length;
      length = target.length;
      const found = ahead.get(position) ?? load(position);
      ahead.delete(position);
      for (let at = end; isRun && at < Math.min(blob.size, end + AHEAD * length); at += length) {
        if (ahead.has(at)) continue;
        const piece = load(at);
        piece.catch(() => undefined); // the read that wants it throws it
        ahead.set(at, piece);
      }
      const bytes = await found;
      if (bytes.length < target.length) {
        const wanted = `${target.length} bytes at ${position}`;
        throw new KexportError('source', `${name} ends at byte ${blob.size}, within ${wanted}`);
      }
      target.set(bytes.subarray(0, target.length));
    },
    close: () => Promise.resolve(),
  };
}
