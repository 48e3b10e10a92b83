/** An extent of the disk that a source has put into a buffer. */
export interface Extent {
  /** Position on the disk in bytes, a multiple of BLOCK_SIZE. */
  readonly diskOffset: number;
  /**
   * In bytes, from the start of the buffer; a multiple of BLOCK_SIZE except at the end of the disk.
   */
  readonly length: number;
}

/**
 * A source that is closed at the end of `await using`, unless it was closed before, as `encode`
 * does.
 */
export type OpenSource = Source & AsyncDisposable;

/** A disk whose content is read once, front to back. Implement it to export something new. */
export interface Source {
  /** The name of the disk in messages: a path, a dataset. */
  readonly name: string;
  /** The device that it is a snapshot of, if that is not `name`. An export must not write to it. */
  readonly origin?: string | undefined;
  /**
   * Size of the disk in bytes. May be undefined until `next` has returned undefined; must be known
   * from then on.
   */
  readonly size: number | undefined;
  /**
   * How many bytes of the disk are read, if fewer than `size` are known to be: the rest is zeros.
   */
  readonly dataSize?: number | undefined;
  /**
   * What the gaps between the extents of `next` are. `unallocated`: nothing was ever stored there,
   * and nobody counts on zeros, as in holes of a file and free space of a pool. Default: zeros.
   */
  readonly gaps?: 'zeros' | 'unallocated' | undefined;
  /** The guid of the ZFS snapshot whose disk it is, if it is known. */
  readonly snapshotGuid?: bigint | undefined;
  /**
   * Fills `buffer` (a multiple of BLOCK_SIZE) from its start with the next extent of the disk.
   * Extents ascend; gaps between them read as zeros, see `gaps`. Returns undefined at the end.
   * Calls never overlap.
   */
  next(buffer: Uint8Array, signal?: AbortSignal): Promise<Extent | undefined>;
  /**
   * Optional random access: fills `buffer` from the byte `diskOffset` of the disk on. Returns the
   * number of bytes, which is less than `buffer` takes only at the end of the disk. Does not affect
   * `next`, and may be called before its first call.
   */
  read?(diskOffset: number, buffer: Uint8Array): Promise<number>;
  /** Releases all resources of the source. Called once, also after a failure. */
  close(): Promise<void>;
}
