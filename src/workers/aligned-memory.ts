// Memory as O_DIRECT wants it (open(2)), with which data go between the disk and a buffer without a copy in the page cache.

/** What O_DIRECT wants of addresses, offsets and lengths, in bytes: the logical sector of any disk. */
export const ALIGNMENT = 4096;

const PAGE_OF_WASM = 65_536;

// Node has it; TypeScript knows it only of browsers.
declare const WebAssembly: {
  readonly Memory: new (size: { initial: number; maximum: number; shared: true }) => {
    readonly buffer: SharedArrayBuffer;
  };
};

const aligned = new WeakSet<ArrayBufferLike>();

/** Shared memory of at least `size` bytes, zeros; it is aligned wherever that can be had. */
export function alignedMemory(size: number): SharedArrayBuffer {
  const pages = Math.ceil(size / PAGE_OF_WASM);
  try {
    // The memory of WebAssembly begins at a page, which a Buffer of Node's does not.
    const { buffer } = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
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
