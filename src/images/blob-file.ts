import { KexportError, reasonOf } from '../errors.ts';
import type { RemoteFile } from '../remote/remote-file.ts';

/** Bytes of a chunk, in which a file is read front to back: each is a message between processes. */
const CHUNK = 2 ** 22;
/** Chunks that are under way ahead of the one that is wanted. */
const AHEAD = 2;

/**
 * A Blob as a file that is read by ranges; messages call it `name`. Where a read goes on where the
 * last one ended, it is read ahead.
 */
export function blobFile(name: string, blob: Blob): RemoteFile {
  const chunks = new Map<number, Promise<Uint8Array>>(); // by their index
  let end = 0; // of the last read

  async function load(position: number, length: number): Promise<Uint8Array> {
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

  /** The chunk, and those after it are begun; those before it are no longer kept. */
  function chunkAt(index: number): Promise<Uint8Array> {
    for (const old of chunks.keys()) if (old < index) chunks.delete(old);
    const found = chunks.get(index) ?? load(index * CHUNK, CHUNK);
    chunks.set(index, found);
    for (let next = index + 1; next <= index + AHEAD && next * CHUNK < blob.size; next++) {
      if (chunks.has(next)) continue;
      const chunk = load(next * CHUNK, CHUNK);
      chunk.catch(() => undefined); // the read that wants it throws it
      chunks.set(next, chunk);
    }
    return found;
  }

  async function fill(position: number, target: Uint8Array, isRun: boolean): Promise<number> {
    let done = 0;
    while (done < target.length) {
      const at = position + done;
      const index = Math.floor(at / CHUNK);
      const bytes = isRun
        ? (await chunkAt(index)).subarray(at - index * CHUNK)
        : await load(at, target.length - done);
      if (bytes.length === 0) break;
      const piece = bytes.subarray(0, target.length - done);
      target.set(piece, done);
      done += piece.length;
    }
    return done;
  }

  return {
    name,
    size: blob.size,
    async read(position, target) {
      const isRun = position === end && end > 0;
      if (!isRun) chunks.clear();
      end = position + target.length;
      if ((await fill(position, target, isRun)) === target.length) return;
      const wanted = `${target.length} bytes at ${position}`;
      throw new KexportError('source', `${name} ends at byte ${blob.size}, within ${wanted}`);
    },
    close: () => Promise.resolve(),
  };
}
