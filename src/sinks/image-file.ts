// Writes large pieces of an image past the page cache: that saves a copy, does not evict pages that
// other programs of the machine need, and leaves little for the final sync to wait for. Small and
// unaligned pieces go through the cache.

import { constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { ALIGNMENT, isAligned } from '../workers/aligned-memory.ts';
import { errnoOf } from '../errors.ts';
import { systemFile } from '../host/descriptors.ts';
import { reopenDirect } from '../host/reopen-direct.ts';
import { after, writeFully } from '../host/write-fully.ts';

// Bytes. A direct write waits for the disk: for smaller pieces that wait costs more than a copy, at
// least on spinning disks.
const MIN_DIRECT = 2 ** 18;

/** An open file or device that an image is written to. */
export interface ImageFile {
  /** Writes buffers one after the other. Returns how many of the bytes went to the page cache. */
  write(position: number, buffers: readonly Uint8Array[]): Promise<number>;
  /** Closes what `imageFile` opened. The caller closes `file`. */
  close(): Promise<void>;
}

/** With `direct`, pieces that are large and aligned bypass the page cache. */
export async function imageFile(file: FileHandle, direct: boolean): Promise<ImageFile> {
  const cached = systemFile(file.fd);
  const reopened = direct ? await reopenDirect(file.fd, constants.O_WRONLY) : undefined;
  let past = reopened === undefined ? undefined : systemFile(reopened);
  return {
    async write(position, buffers) {
      const joined = joinNeighbours(buffers);
      const total = joined.reduce((sum, { length }) => sum + length, 0);
      let written = 0;
      if (past && total >= MIN_DIRECT && position % ALIGNMENT === 0 && joined.every(isAligned)) {
        try {
          written = await past.write(position, joined);
        } catch (error) {
          // Some file systems and drivers accept O_DIRECT but need a larger alignment.
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

/** Joins adjacent views of one buffer, so that the blocks of a slab become a single write. */
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
