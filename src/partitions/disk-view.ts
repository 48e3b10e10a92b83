/** See `Source.read`. */
export type ReadAt = (diskOffset: number, buffer: Uint8Array) => Promise<number>;

/**
 * A disk to inspect. Any offset may be read, since numbers on a hostile disk may point anywhere.
 */
export interface DiskView {
  /** In bytes. */
  readonly size: number;
  /**
   * A new buffer of `length` bytes from `diskOffset` on; bytes past the end of the disk are zeros.
   */
  at(diskOffset: number, length: number): Promise<Uint8Array>;
}

/** Makes a view of a disk of `size` bytes. */
export function diskView(read: ReadAt, size: number): DiskView {
  return {
    size,
    async at(diskOffset, length) {
      const bytes = new Uint8Array(length);
      const onDisk = Math.max(0, Math.min(length, size - diskOffset));
      if (onDisk > 0) await read(diskOffset, bytes.subarray(0, onDisk));
      return bytes;
    },
  };
}

/** A part of a disk as a disk of its own. It must lie on the disk. */
export function partView(disk: DiskView, diskOffset: number, size: number): DiskView {
  return diskView(async (offset, buffer) => {
    buffer.set(await disk.at(diskOffset + offset, buffer.length));
    return buffer.length;
  }, size);
}

/** The first bytes of a disk, in memory; what lies behind them is seen as zeros. */
export function headView(head: Uint8Array): DiskView {
  const read = (diskOffset: number, buffer: Uint8Array) => {
    buffer.set(head.subarray(diskOffset, diskOffset + buffer.length));
    return Promise.resolve(buffer.length);
  };
  return diskView(read, head.length);
}
