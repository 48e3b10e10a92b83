/** Collects bytes into parts of an upload. The memory of a part is used again once it was sent. */
export interface PartFiller {
  /** Bytes that the part which is being filled can hold. */
  partSize(): number;
  isFull(): boolean;
  isEmpty(): boolean;
  /** Adds as many bytes as the part has room for, and returns how many. */
  add(bytes: Uint8Array): number;
  /** The part so far; the next one is empty. Parts are numbered from 1 on. */
  take(): { readonly partNumber: number; readonly bytes: Uint8Array };
  /** Takes back the memory of a part that was sent. */
  recycle(bytes: Uint8Array): void;
}

/** `sizeOf` is the size of each part in bytes, by its number; what it throws, `add` throws. */
export function partFiller(sizeOf: (partNumber: number) => number): PartFiller {
  const free: Uint8Array[] = []; // of one size
  let partNumber = 1;
  let size = 0; // of the last part that was begun
  let part: Uint8Array | undefined;
  let filled = 0;

  const begin = (): Uint8Array => {
    size = sizeOf(partNumber);
    if (free[0]?.length !== size) free.length = 0;
    return free.pop() ?? new Uint8Array(size);
  };
  return {
    partSize: () => sizeOf(partNumber),
    isFull: () => filled === part?.length,
    isEmpty: () => filled === 0,
    add(bytes) {
      part ??= begin();
      const taken = bytes.subarray(0, part.length - filled);
      part.set(taken, filled);
      filled += taken.length;
      return taken.length;
    },
    take() {
      const bytes = (part ??= begin()).subarray(0, filled);
      const taken = { partNumber, bytes };
      part = undefined;
      filled = 0;
      partNumber++;
      return taken;
    },
    recycle({ buffer }) {
      if (buffer.byteLength === size) free.push(new Uint8Array(buffer));
    },
  };
}
