import type { OnWarning } from '../errors.ts';

/** How a disk that lies on ZFS or on LVM is read. */
export interface SnapshotOptions {
  /**
   * False reads volumes and files as they are, while they may change. Default: true, read from a
   * snapshot made for the export.
   */
  readonly takeSnapshot?: boolean | undefined;
  /**
   * Space for the snapshot of a logical volume that is not thin, in bytes: it takes what is
   * overwritten in the volume during the export. Default: half of what is free in its volume group.
   */
  readonly snapshotSize?: number | undefined;
  /**
   * True reads the device of a pool that is in use, although such a copy cannot be imported, and
   * freezes the other file systems that are mounted of a device until it is read, if that can be.
   */
  readonly liveInconsistent?: boolean | undefined;
  /** Paths that the caller writes to meanwhile: what they lie on is not frozen. */
  readonly imagePaths?: readonly string[] | undefined;
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
   * Throws a KexportError if the snapshot has become invalid, so that what was read of it may be
   * wrong. Undefined for a snapshot that cannot.
   */
  readonly check?: (() => Promise<void>) | undefined;
  /**
   * Destroys the snapshot and the clone that were made for it, and warns if one stays. Call it
   * once, after `path` is closed.
   */
  release(): Promise<void>;
}
