import type { OnWarning } from '../errors.ts';
/** How a disk that lies on ZFS is read. */
export interface SnapshotOptions {
  /**
   * False reads volumes and files as they are, while they may change. Default: true, read from a
   * snapshot made for the export.
   */
  readonly takeSnapshot?: boolean | undefined;
  /** True reads the device of a pool that is in use, although such a copy cannot be imported. */
  readonly liveInconsistent?: boolean | undefined;
  /** Aborts the opening with a KexportError `aborted`; reading has a signal of its own. */
  readonly signal?: AbortSignal | undefined;
  /** Called with warnings. */
  readonly onWarning?: OnWarning | undefined;
}

/** A disk that does not change while it is read. */
export interface DiskSnapshot {
  /** The file or device that holds it. */
  readonly path: string;
  /** The part of `path` that is the disk, in bytes; undefined for all of it. */
  readonly window: { readonly start: number; readonly size: number } | undefined;
  /** The device of the volume that was named, so that callers can refuse to write to it. */
  readonly origin?: string | undefined;
  /** The guid of the snapshot that was named; undefined for a disk that was not named as one. */
  readonly snapshotGuid?: bigint | undefined;
  /**
   * Destroys the snapshot and the clone that were made for it, and warns if one stays. Call it
   * once, after `path` is closed.
   */
  release(): Promise<void>;
}
