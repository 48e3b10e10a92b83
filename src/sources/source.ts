/** A stretch of the disk that a source has put into a buffer. */
export interface Extent {
  /** Position on the disk in bytes, a multiple of BLOCK_SIZE. */
  readonly diskOffset: number;
  /**
   * In bytes, from the start of the buffer; a multiple of BLOCK_SIZE except at the end of the disk.
   */
  readonly length: number;
}

/**
 * A source that an `await using` closes, unless somebody has closed it before, as `encode` does.
 */
export type OpenSource = Source & AsyncDisposable;

/** A disk whose content is read once, front to back. Implement it to export something new. */
export interface Source {
  /** What people call it: a path, a dataset. Shown in messages. */
  readonly name: string;
  /**
   * The device that it is a snapshot of, if that is not `name`: not to be written in the same run.
   */
  readonly origin?: string | undefined;
  /**
   * Size of the disk in bytes. May be undefined until `next` has answered undefined, and is
   * required from then on.
   */
  readonly size: number | undefined;
  /**
   * How many bytes of the disk are read, if fewer than `size` are known to be: the rest is zeros.
   */
  readonly dataSize?: number | undefined;
  /** The guid of the ZFS snapshot whose disk it is, if it is known. */
  readonly snapshotGuid?: bigint | undefined;
  /**
   * Fills `buffer` (a multiple of BLOCK_SIZE) from its start with the next stretch of the disk.
   * Extents ascend; what lies between two is zeros. Answers undefined at the end. Calls never
   * overlap.
   */
  next(buffer: Uint8Array, signal?: AbortSignal): Promise<Extent | undefined>;
  /**
   * Random access, where the source has it: fills `buffer` from that byte of the disk on and
   * answers how many bytes it put there, fewer than `buffer` takes only at the end of the disk.
   * Leaves alone what `next` answers, and may be called before its first call.
   */
  read?(diskOffset: number, buffer: Uint8Array): Promise<number>;
  /** Releases what the source holds; called once, also after a failure. */
  close(): Promise<void>;
}
