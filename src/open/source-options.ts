import type { FormatName } from '../../formats/index.ts';
import type { PackedKind } from '../images/image-kind.ts';
import type { SnapshotOptions } from '../zfs/disk-snapshot.ts';

/** How a disk is opened by its name. */
export interface SourceOptions extends SnapshotOptions, SentOptions {
  /** Size of the disk in bytes. Needed only by what cannot tell it; elsewhere it must be true. */
  readonly size?: number | undefined;
  /**
   * What the bytes are. Default: of a regular file what its name says, if its first bytes agree; a zfs send stream if a
   * regular file or a pipe begins like one; of all else a raw disk.
   */
  readonly from?: FromFormat | undefined;
  /** Opens the other files that an image names, if they lie in its folder. Default: such an image is refused. */
  readonly backing?: boolean | undefined;
  /** Which disk of an archive, by its id or its file. Default: the first. */
  readonly archiveDisk?: string | undefined;
  /** Threads that unpack an image. Default: one for each processor. */
  readonly threads?: number | undefined;
  /** Reads the holes of a sparse file too. Default: they are left out where the system tells where they lie. */
  readonly readHoles?: boolean | undefined;
}

/** What a disk can be read from. */
export type FromFormat = FormatName | PackedKind | 'zfs-send';

/** Which disk of a zfs send stream is meant. Given for anything else, it is an error. */
export interface SentOptions {
  /** Of the disks in a package of send streams, the volume's that was called so where it was sent. Default: the only one. */
  readonly volume?: string | undefined;
  /** Of its snapshots, this one, without `@`. Default: the one that the package leads to. */
  readonly sentSnapshot?: string | undefined;
  /** The image of the disk that an incremental stream builds upon: what is opened is the whole disk then. */
  readonly flatten?: string | undefined;
  /**
   * The snapshot or bookmark that an increment begins from, `@NAME` or `#NAME`: what is opened is then the stream of what
   * has changed up to the snapshot that is named.
   */
  readonly incrementalFrom?: string | undefined;
}
