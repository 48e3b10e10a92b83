/** See `Source.read`. */
export type ReadAt = (diskOffset: number, buffer: Uint8Array) => Promise<number>;

/** A disk to look into, whose numbers may point anywhere. */
export interface DiskView {
  /** In bytes. */
  readonly size: number;
  /**
   * A new buffer of `length` bytes from that place on; what lies past the end of the disk is zeros.
   */
  at(diskOffset: number, length: number): Promise<Uint8Array>;
}

/** A disk of `size` bytes that `read` reads. */
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
