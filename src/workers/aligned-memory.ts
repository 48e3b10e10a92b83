// Memory as O_DIRECT wants it (open(2)), with which data go between the disk and a buffer without a
// copy in the page cache.

import { sharedPages } from './wasm.ts';

/**
 * What O_DIRECT wants of addresses, offsets and lengths, in bytes: the logical sector of any disk.
 */
export const ALIGNMENT = 4096;

const aligned = new WeakSet<ArrayBufferLike>();

/** Shared memory of at least `size` bytes, zeros; it is aligned wherever that can be had. */
export function alignedMemory(size: number): SharedArrayBuffer {
  try {
    // The memory of WebAssembly begins at a page, which a Buffer of Node's does not.
    const buffer = sharedPages(size);
    aligned.add(buffer);
    return buffer;
  } catch {
    return new SharedArrayBuffer(size); // --jitless, a limit on virtual memory, more than 4 GiB
  }
}

/** Whether the address and the length of these bytes are known to be multiples of ALIGNMENT. */
export function isAligned({ buffer, byteOffset, length }: Uint8Array): boolean {
  return aligned.has(buffer) && byteOffset % ALIGNMENT === 0 && length % ALIGNMENT === 0;
}
