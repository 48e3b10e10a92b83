// Cuts a raw disk that comes from front to back into blocks of one size.

import type { StoredParts } from './stored-parts.ts';

/** A block that has something to store. */
export interface StoreBlock {
  readonly index: number;
  /** As long as every block; what nobody has written is zeros. It belongs to the receiver. */
  readonly bytes: Uint8Array;
}

export interface BlockBuffer {
  /** Adds bytes. Calls `send` for each block that is complete. */
  write(diskOffset: number, bytes: Uint8Array): Promise<void>;
  /** Adds zeros; they make blocks only where the disk has stored something. */
  zeros(diskOffset: number, count: number): Promise<void>;
  /** Sends the last block. */
  finish(): Promise<void>;
  /** Takes back the memory of a block that was sent. */
  recycle(bytes: Uint8Array): void;
}

export function blockBuffer(
  blockSize: number,
  stored: StoredParts,
  send: (block: StoreBlock) => Promise<void>,
): BlockBuffer {
  const free: Uint8Array[] = [];
  let current: { readonly index: number; readonly bytes: Uint8Array } | undefined;

  const begin = async (index: number): Promise<Uint8Array> => {
    if (current && current.index !== index) await finish();
    current ??= { index, bytes: free.pop()?.fill(0) ?? new Uint8Array(blockSize) };
    return current.bytes;
  };
  const finish = async () => {
    const block = current;
    current = undefined;
    if (block) await send(block);
  };

  return {
    async write(diskOffset, bytes) {
      for (let done = 0; done < bytes.length;) {
        const index = Math.floor((diskOffset + done) / blockSize);
        const from = diskOffset + done - index * blockSize;
        const piece = bytes.subarray(done, done + blockSize - from);
        (await begin(index)).set(piece, from);
        done += piece.length;
      }
    },
    async zeros(diskOffset, count) {
      const end = diskOffset + count;
      let part = stored.firstIn(diskOffset, end);
      while (part) {
        const index = Math.floor(part.start / blockSize);
        await begin(index);
        part = stored.firstIn(Math.min(end, (index + 1) * blockSize), end);
      }
    },
    finish,
    recycle(bytes) {
      free.push(bytes);
    },
  };
}
