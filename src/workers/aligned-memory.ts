// Allocates memory that is aligned for O_DIRECT (open(2)), which moves data between a disk and a
// buffer without a copy in the page cache.

import { host } from '#host';
import { sharedPages } from './wasm.ts';

/**
 * Alignment that O_DIRECT needs for addresses, offsets and lengths, in bytes: a multiple of the
 * logical sector of any disk.
 */
export const ALIGNMENT = 4096;

const aligned = new WeakSet<ArrayBufferLike>();

/** Allocates `size` bytes, all zeros, which threads can share if the platform has that. */
export function sharedMemory(size: number): ArrayBufferLike {
  return host.sharesMemory ? new SharedArrayBuffer(size) : new ArrayBuffer(size);
}

/** Allocates at least as much, aligned where the platform can do it. */
export function alignedMemory(size: number): ArrayBufferLike {
  // V8 reserves 10 GiB of addresses for the memory of WebAssembly.
  if (!host.sharesMemory || host.addressSpace() !== Infinity) return sharedMemory(size);
  try {
    // The memory of WebAssembly begins at a page; a Buffer does not.
    const buffer = sharedPages(size);
    aligned.add(buffer);
    return buffer;
  } catch {
    return sharedMemory(size); // --jitless, more than 4 GiB
  }
}

/** Whether the address and the length of a view are known to be multiples of ALIGNMENT. */
export function isAligned({ buffer, byteOffset, length }: Uint8Array): boolean {
  return aligned.has(buffer) && byteOffset % ALIGNMENT === 0 && length % ALIGNMENT === 0;
}
