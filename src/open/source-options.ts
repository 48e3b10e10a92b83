import type { FormatName, None } from '../../formats/index.ts';
import type { PackedKind } from '../images/image-kind.ts';
import type { SnapshotOptions } from '../host/disk-snapshot.ts';

/**
 * Options to open a disk by its name, of three kinds that exclude each other: any disk or image; a
 * disk of an OVA, with `ovaDisk`; a zfs send stream, with the members of {@link SentChoice}.
 */
export type SourceOptions = CommonOptions & (AnyDisk | DiskOfOva | DiskOfStream);

/** Options for every kind of disk. */
export interface CommonOptions extends SnapshotOptions {
  /**
   * Size of the disk in bytes. Only needed if the source does not have it; an error if it is wrong.
   */
  readonly size?: number | undefined;
  /**
   * Opens the other files that an image names, if they lie in its folder. Default: refuses such an
   * image.
   */
  readonly allowBacking?: boolean | undefined;
  /**
   * Takes a stream that ends before the disk does, as its partition table or its file system says
   * how large it is. Default: that is an error. A stream of a stated size must have that size.
   */
  readonly allowTruncated?: boolean | undefined;
  /** Threads that decompress an image. Default: one for each processor. */
  readonly threads?: number | undefined;
  /** Requests at the same time to the store that the disk is in. Default: 8. */
  readonly connections?: number | undefined;
  /** Address of the store that the disk is in. Default: that of its cloud. */
  readonly endpoint?: string | undefined;
  /** Reads the holes of a sparse file too. Default: skips them where the system can report them. */
  readonly readHoles?: boolean | undefined;
  /**
   * Reads a device through the page cache. Default: past it, because the cache may have what a
   * mounted file system has replaced on the device.
   */
  readonly cachedRead?: boolean | undefined;
}

/** The formats that a disk can be read from. */
export type FromFormat = FormatName | PackedKind | 'zfs-send';

/** A disk, or the one disk of an image. */
export interface AnyDisk extends None<OvaChoice>, None<SentChoice> {
  /**
   * The format of the bytes. Default: for a regular file the format of its name, if its first bytes
   * agree; a zfs send stream if a regular file or a pipe begins like one; otherwise a raw disk.
   */
  readonly from?: FromFormat | undefined;
  /**
   * Reads the disk of a qcow2 as this snapshot in it has it, by its id or its name. Default: as it
   * is now.
   */
  readonly internalSnapshot?: string | undefined;
}

/** One disk of an OVA or a VMA. */
export interface DiskOfOva extends OvaChoice, None<SentChoice> {
  /** For a qcow2: see {@link AnyDisk}. */
  readonly internalSnapshot?: undefined;
  /** Default: by the name. */
  readonly from?: 'ova' | 'vma' | undefined;
}

/** The disk in a zfs send stream, which may be compressed. */
export interface DiskOfStream extends SentChoice, None<OvaChoice> {
  /** For a qcow2: see {@link AnyDisk}. */
  readonly internalSnapshot?: undefined;
  /** Default: by the name and the first bytes. */
  readonly from?: 'zfs-send' | PackedKind | undefined;
}

/** Which disk of an OVA or a VMA to read. */
export interface OvaChoice {
  /** By its id or its file; in a VMA, by its drive. Default: the first. */
  readonly ovaDisk?: string | undefined;
}

/** Which disk of a zfs send stream to read. An error for any other input. */
export interface SentChoice {
  /**
   * The volume to read from a package of send streams, by its name on the sending side. Default:
   * the only one.
   */
  readonly streamVolume?: string | undefined;
  /** The snapshot to read, without `@`. Default: the last one of the package. */
  readonly streamSnapshot?: string | undefined;
  /**
   * The image or disk of the snapshot that an incremental stream starts from. The two are merged to
   * the whole disk.
   */
  readonly flatten?: string | undefined;
  /**
   * The snapshot or bookmark that an increment starts from, `@NAME` or `#NAME`. Opens the stream of
   * the changes from there to the snapshot that is named.
   */
  readonly incrementalFrom?: string | undefined;
}

/** Which changes of a disk to open; `flatten` is for whole disks. */
export interface ChangesOptions
  extends Omit<SentChoice, 'flatten'>, Pick<CommonOptions, 'connections' | 'endpoint'> {
  /** Aborts the opening with a KexportError `aborted`. */
  readonly signal?: AbortSignal | undefined;
}
