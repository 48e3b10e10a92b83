// Large pieces of an image go past the page cache: nothing is copied, nothing else is driven out of
// the cache of a machine that has other work, and no sync waits at the end for what has piled up
// there. Small and odd pieces go through it.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { ALIGNMENT, isAligned } from '../workers/aligned-memory.ts';
import { errnoOf } from '../errors.ts';
import { systemFile } from '../host/descriptors.ts';
import { after, writeFully } from '../host/write-fully.ts';

// A disk answers only when it has the data: below this that wait costs more than a copy, at least
// on spinning disks.
const MIN_DIRECT = 2 ** 18;

/** An open file or device that an image is written to. */
export interface ImageFile {
  /** Writes buffers one after the other; answers how many of the bytes wait in the page cache. */
  write(position: number, buffers: readonly Uint8Array[]): Promise<number>;
  /** Closes what `imageFile` opened, not the file itself. */
  close(): Promise<void>;
}

/** `direct`: whether to go past the page cache where a piece is fit for it. */
export async function imageFile(file: FileHandle, direct: boolean): Promise<ImageFile> {
  const cached = systemFile(file.fd);
  let past = direct ? await openDirect(file) : undefined;
  return {
    async write(position, buffers) {
      const joined = joinNeighbours(buffers);
      const total = joined.reduce((sum, { length }) => sum + length, 0);
      let written = 0;
      if (past && total >= MIN_DIRECT && position % ALIGNMENT === 0 && joined.every(isAligned)) {
        try {
          written = (await past.writev(joined, position)).bytesWritten;
        } catch (error) {
          // Some file systems and drivers take the flag and want more than ALIGNMENT.
          if (errnoOf(error) !== 'EINVAL') throw error;
          await past.close();
          past = undefined;
        }
      }
      if (written < total) await writeFully(cached, position + written, after(joined, written));
      return total - written;
    },
    async close() {
      await past?.close();
    },
  };
}

/** The same file again; undefined where the system cannot. */
async function openDirect(file: FileHandle): Promise<FileHandle | undefined> {
  const { O_DIRECT, O_WRONLY } = constants as Partial<typeof constants>;
  if (O_DIRECT === undefined || O_WRONLY === undefined) return undefined; // not Linux
  return open(`/proc/self/fd/${file.fd}`, O_WRONLY | O_DIRECT).catch(() => undefined);
}

/**
 * Views of one buffer that follow each other become one view: a slab's blocks are a single write.
 */
function joinNeighbours(buffers: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  for (let i = 0; i < buffers.length;) {
    const first = buffers[i++]!; // below `buffers.length`
    let end = first.byteOffset + first.length;
    for (let next = buffers[i]; next; next = buffers[++i]) {
      if (next.buffer !== first.buffer || next.byteOffset !== end) break;
      end += next.length;
    }
    joined.push(new Uint8Array(first.buffer, first.byteOffset, end - first.byteOffset));
  }
  return joined;
}
