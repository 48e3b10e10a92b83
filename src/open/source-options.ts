import type { FormatName, None } from '../../formats/index.ts';
import type { PackedKind } from '../images/image-kind.ts';
import type { SnapshotOptions } from '../zfs/disk-snapshot.ts';

/**
 * How a disk is opened by its name. Three kinds go apart: any disk or image; a disk of an OVA, with
 * `ovaDisk`; a zfs send stream, with the members of {@link SentChoice}.
 */
export type SourceOptions = CommonOptions & (AnyDisk | DiskOfOva | DiskOfStream);

/** Options for whatever is opened. */
export interface CommonOptions extends SnapshotOptions {
  /** Size of the disk in bytes. Needed only by what cannot tell it; elsewhere it must be true. */
  readonly size?: number | undefined;
  /**
   * Opens the other files that an image names, if they lie in its folder. Default: such an image is
   * refused.
   */
  readonly allowBacking?: boolean | undefined;
  /**
   * Takes a stream that ends before the disk does, as its partition table or its file system says
   * how large it is. Default: that is an error. A stream of a stated size must have that size.
   */
  readonly allowTruncated?: boolean | undefined;
  /** Threads that decompress an image. Default: one for each processor. */
  readonly threads?: number | undefined;
  /**
   * Reads the holes of a sparse file too. Default: they are left out where the system tells where
   * they lie.
   */
  readonly readHoles?: boolean | undefined;
}

/** What a disk can be read from. */
export type FromFormat = FormatName | PackedKind | 'zfs-send';

/** A disk, or the one disk of an image. */
export interface AnyDisk extends None<OvaChoice>, None<SentChoice> {
  /**
   * What the bytes are. Default: of a regular file what its name says, if its first bytes agree; a
   * zfs send stream if a regular file or a pipe begins like one; of all else a raw disk.
   */
  readonly from?: FromFormat | undefined;
}

/** One disk of an OVA. */
export interface DiskOfOva extends OvaChoice, None<SentChoice> {
  /** Default: what the name says. */
  readonly from?: 'ova' | undefined;
}

/** The disk that a zfs send stream stands for, which may be compressed. */
export interface DiskOfStream extends SentChoice, None<OvaChoice> {
  /** Default: what the name and the first bytes say. */
  readonly from?: 'zfs-send' | PackedKind | undefined;
}

/** Which disk of an OVA is meant. */
export interface OvaChoice {
  /** By its id or its file. Default: the first. */
  readonly ovaDisk?: string | undefined;
}

/** Which disk of a zfs send stream is meant. Given for anything else, it is an error. */
export interface SentChoice {
  /**
   * Of the disks in a package of send streams, the volume's that was called so where it was sent.
   * Default: the only one.
   */
  readonly streamVolume?: string | undefined;
  /** Of its snapshots, this one, without `@`. Default: the one that the package leads to. */
  readonly streamSnapshot?: string | undefined;
  /**
   * The image of the disk that an incremental stream builds upon: what is opened is the whole disk
   * then.
   */
  readonly flatten?: string | undefined;
  /**
   * The snapshot or bookmark that an increment begins from, `@NAME` or `#NAME`: what is opened is
   * then the stream of what has changed up to the snapshot that is named.
   */
  readonly incrementalFrom?: string | undefined;
}

/** Which changes of a disk are opened; `flatten` is for whole disks. */
export interface ChangesOptions extends Omit<SentChoice, 'flatten'> {
  /** Ends the opening early, by a KexportError `aborted`. */
  readonly signal?: AbortSignal | undefined;
}
