import type { OnWarning } from '../errors.ts';
/** How what lies on ZFS is read. */
export interface SnapshotOptions {
  /**
   * False reads volumes and files as they are, while they may change. Default: from a snapshot that
   * is made for it.
   */
  readonly takeSnapshot?: boolean | undefined;
  /** Reads the device of a pool that is in use, although the copy does not import. */
  readonly liveInconsistent?: boolean | undefined;
  /** Ends the opening early, by a KexportError `aborted`; reading has a signal of its own. */
  readonly signal?: AbortSignal | undefined;
  /** Called with a sentence for people. */
  readonly onWarning?: OnWarning | undefined;
}

/** A disk that does not change while it is read. */
export interface DiskSnapshot {
  /** The file or device that holds it. */
  readonly path: string;
  /** The part of it that is the disk; undefined for all. In bytes. */
  readonly window: { readonly start: number; readonly size: number } | undefined;
  /** The device of the volume that was named, for who is about to write to that. */
  readonly origin?: string | undefined;
  /** Of the snapshot that was named, if that is the disk. */
  readonly snapshotGuid?: bigint | undefined;
  /**
   * Takes away what was made for it. To be called once, when `path` is closed; tells by a warning
   * of what stays.
   */
  release(): Promise<void>;
}
