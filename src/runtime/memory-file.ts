import type { SystemFile } from './host.ts';

const CHUNK_SIZE = 2 ** 20;

/** A temporary file in memory, which holds at most `limit` bytes. Holes take none. */
export function memoryFile(limit: number): SystemFile {
  const chunks = new Map<number, Uint8Array>();
  let size = 0;

  function chunkOf(index: number): Uint8Array {
    const known = chunks.get(index);
    if (known) return known;
    if ((chunks.size + 1) * CHUNK_SIZE > limit) {
      const mib = limit / 2 ** 20;
      throw new Error(`this browser gives no storage here, and ${mib} MiB of memory are the most`);
    }
    const chunk = new Uint8Array(CHUNK_SIZE);
    chunks.set(index, chunk);
    return chunk;
  }

  return {
    read(position, target) {
      const within = position % CHUNK_SIZE;
      const count = Math.max(0, Math.min(target.length, size - position, CHUNK_SIZE - within));
      const chunk = chunks.get(Math.floor(position / CHUNK_SIZE));
      if (chunk) target.set(chunk.subarray(within, within + count));
      else target.fill(0, 0, count);
      return Promise.resolve(count);
    },
    write(position = size, buffers) {
      let at = position;
      for (const buffer of buffers) {
        for (let done = 0; done < buffer.length;) {
          const within = at % CHUNK_SIZE;
          const piece = buffer.subarray(done, done + CHUNK_SIZE - within);
          chunkOf(Math.floor(at / CHUNK_SIZE)).set(piece, within);
          done += piece.length;
          at += piece.length;
        }
      }
      size = Math.max(size, at);
      return Promise.resolve(at - position);
    },
    truncate(length) {
      for (const [index, chunk] of chunks) {
        const kept = length - index * CHUNK_SIZE;
        if (kept <= 0) chunks.delete(index);
        else if (kept < CHUNK_SIZE) chunk.fill(0, kept);
      }
      size = length;
      return Promise.resolve();
    },
    close() {
      chunks.clear();
      return Promise.resolve();
    },
  };
}
