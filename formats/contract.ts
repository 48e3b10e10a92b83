// The interface of a format: its functions, their arguments and their results. Read this file
// first, then `raw.ts`, then a larger format. The rule that keeps a writer small: blocks ascend,
// and a gap between two blocks is zeros.

import type { MachineOptions } from './machine.ts';

/** The unit that an export moves, in bytes: one qcow2 cluster, one VMDK grain. */
export const BLOCK_SIZE = 65_536;

/** The unit that disk sizes are counted in, in bytes. */
export const SECTOR_SIZE = 512;

/** How a block is compressed. Images with equal encodings share one compression of each block. */
export type Encoding = ZlibEncoding | ZstdEncoding;

/** A zlib stream (RFC 1950): 2 bytes of header, a deflate stream, 4 bytes of Adler-32. */
export interface ZlibEncoding {
  /** Tells the encodings apart. */
  readonly kind: 'zlib';
  /** Base-2 logarithm of the deflate window: 12 is 4 KiB, 15 is 32 KiB. */
  readonly windowBits: 12 | 15;
  /** 1 (fastest) to 9 (smallest). */
  readonly level: number;
  /**
   * Whether the deflate stream ends with an empty stored block, at a byte, and JOINABLE_END: what
   * comes before that can be followed by the blocks of another stream. Default false.
   */
  readonly isJoinable?: boolean | undefined;
}

/** The last block of a joinable stream: it is empty (RFC 1951, section 3.2.6). */
export const JOINABLE_END: readonly number[] = [0x03, 0x00];

/** One zstd frame (RFC 8878) without a checksum. */
export interface ZstdEncoding {
  /** Tells the encodings apart. */
  readonly kind: 'zstd';
  /** 1 (fastest) to 19 (smallest). */
  readonly level: number;
}

/** The compression that the caller asks for; each format derives its own encoding from it. */
export interface CompressionChoice {
  /** Level of zlib: 1 (fastest) to 9 (smallest). */
  readonly level: number;
  /** Level of zstd, 1 to 19. Default: the format's own. */
  readonly zstdLevel?: number | undefined;
  /** Whether formats that have both use zstd. Default: zlib. */
  readonly prefersZstd?: boolean | undefined;
  /** Base-2 logarithm of the deflate window; undefined: the format's own default. */
  readonly windowBits?: 12 | 15 | undefined;
}

/** A block of the disk that is not all zeros. Its buffers are valid until the output is flushed. */
export interface Block {
  /** Position on the disk, in units of BLOCK_SIZE. */
  readonly index: number;
  /** BLOCK_SIZE bytes; the last block of a disk is padded with zeros. */
  readonly bytes: Uint8Array;
  /** Bytes of the block that lie on the disk: BLOCK_SIZE, or fewer in the last block. */
  readonly length: number;
  /** The compressed block. `encoding` must be the one that `Format.encoding` returned. */
  compressed(encoding: Encoding): Uint8Array;
}

/**
 * Where a writer puts its image. Each call only queues, so the buffers that are passed belong to
 * the output until the caller of the writer has flushed it.
 */
export interface ImageOutput {
  /** Length of the image so far, in bytes. */
  readonly position: number;
  /** Appends bytes to the image. */
  append(bytes: Uint8Array): void;
  /**
   * Appends `length` bytes in pieces, each made only when its turn to be written has come: for a
   * table that is too long to be held.
   */
  appendPieces(length: number, pieces: Iterable<Uint8Array>): void;
  /** Appends `count` zeros to the image: a hole where the sink supports holes. */
  zeros(count: number): void;
  /** Replaces bytes that were appended before. Formats that stream do not call this. */
  patch(imageOffset: number, bytes: Uint8Array): void;
}

/** A synchronous state machine that turns ascending blocks into an image. */
export interface FormatWriter {
  /** Adds the next block. Throws a FormatError if the format cannot hold it. */
  add(block: Block): void;
  /** Writes the end of the image. `diskSize` is in bytes, a multiple of SECTOR_SIZE. */
  finish(diskSize: number): void;
  /**
   * Called once all that `finish` queued is written: queues what depends on the hash of a part.
   * Only a format that `readsBack` may read the image.
   */
  seal?(image: Pick<ImageInput, 'read'>): Promise<void>;
}

/** What a writer knows about the disk. It is injected, so the same disk gives the same image. */
export interface Disk {
  /** In bytes, a multiple of SECTOR_SIZE; undefined while the source has not ended. */
  readonly size: number | undefined;
  /** Name of the export without an extension: letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** 16 bytes, RFC 9562. */
  readonly uuid: Uint8Array;
  /** Seconds since 1970, UTC. */
  readonly createdAt: number;
  /** The guid of the ZFS snapshot that the disk comes from; increments are checked against it. */
  readonly snapshotGuid?: bigint | undefined;
}

/** A running hash. */
export interface Hasher {
  /** Adds bytes. */
  update(bytes: Uint8Array): void;
  /** Ends the hash and returns it in lower-case hexadecimal. */
  digest(): string;
}

/**
 * A running hash of a large part of an image, for which another thread may do the work.
 */
export interface LongHasher {
  /** Adds bytes, which must not change before the output is flushed. */
  update(bytes: Uint8Array): void;
  /** Adds `count` zeros. */
  zeros(count: number): void;
  /** Ends the hash and returns it in lower-case hexadecimal. */
  digest(): Promise<string>;
}

/** A hash function. MD5 is for formats that check their own structs by it. */
export type HashAlgorithm = 'md5' | 'sha1' | 'sha256' | 'sha512';

/** The arguments of `Format.write`. */
export interface WriteRequest {
  /** The disk that the image is of. */
  readonly disk: Disk;
  /** Name of the image's file, for a format that stores it. Default: `disk.name` and extension. */
  readonly fileName?: string | undefined;
  /** The encoding that `Format.encoding` returned. */
  readonly encoding: Encoding | undefined;
  /** The image; empty. */
  readonly output: ImageOutput;
  /** Starts a hash. */
  hasher(algorithm: HashAlgorithm): Hasher;
  /** Starts a hash of what the image has of its disk. */
  longHasher(algorithm: HashAlgorithm): LongHasher;
  /** The CRC-32 of gzip. `before` is the CRC-32 of the bytes that precede these, 0 without any. */
  crc32(bytes: Uint8Array, before: number): number;
}

/** How a format holds a machine of several disks in one image. */
export interface MachineFormat {
  /** The most disks that a machine can have, with the options of the format. */
  readonly maxDisks: number;
  /**
   * Starts the image of a machine and returns its writer. Rejects with a FormatError if the format
   * cannot hold these disks.
   */
  write(request: MachineRequest): Promise<MachineWriter>;
}

/** The arguments of `MachineFormat.write`. */
export interface MachineRequest extends Omit<WriteRequest, 'disk' | 'fileName'> {
  /** Name of the export, as in {@link Disk}. */
  readonly name: string;
  /** At least one, in the order of the machine, which boots from the first. All sizes are known. */
  readonly disks: readonly Disk[];
}

/** Turns the blocks of several disks, one disk after the other, into an image. */
export interface MachineWriter {
  /** Starts the next disk and returns its writer. The one before must be finished. */
  startDisk(): Promise<FormatWriter>;
  /** Queues the end of the image, once every disk is finished and written. */
  finish(): void | Promise<void>;
}

/**
 * How a whole image is compressed: with gzip, with zstd, or as the member `disk.raw` of a tar that
 * is compressed with gzip.
 */
export type WholeCompression = 'gz' | 'zst' | 'tar.gz';

/** An image format with its options bound: `qcow2()`, `vhd({ align: 'none' })`. */
export interface Format {
  /** As typed on the command line. */
  readonly name: string;
  /** A description in one line. */
  readonly title: string;
  /** File name extension without the dot. */
  readonly extension: string;
  /**
   * Whether the image can be written to a pipe. `always`: yes. `size-first`: if the size of the
   * disk is known beforehand. `never`: the writer patches what it has written.
   */
  readonly streaming: 'always' | 'size-first' | 'never';
  /**
   * Whether `write` must know the size of the disk, since no patch can add it later. The caller
   * then spools the disk of a pipe until it has ended.
   */
  readonly needsDiskSize?: boolean;
  /**
   * Whether the writer reads the image back, for hashes of parts that it has patched. The caller
   * then spools an image whose sink cannot be read. Default: it does not.
   */
  readonly readsBack?: boolean;
  /** The largest disk that an image as written here can hold, in bytes. */
  readonly maxDiskSize: number;
  /** Disk sizes are rounded up to a multiple of this, in bytes, in every image of one export. */
  readonly sizeMultiple: number;
  /** The encoding of the blocks; undefined if the format stores them uncompressed. */
  encoding(choice: CompressionChoice): Encoding | undefined;
  /**
   * Starts an image and returns its writer. Rejects with a FormatError if the format cannot hold
   * this disk.
   */
  write(request: WriteRequest): Promise<FormatWriter>;
  /**
   * The format that is imported together with this one, which then has nothing of the disk, is not
   * read, and is made beside an image of that format.
   */
  readonly describes?: string;
  /**
   * The options of a machine that the image depends on; undefined: it describes none. `firmware` is
   * for every format: the disk is checked for what it needs to start.
   */
  readonly machineOptions?: readonly (keyof MachineOptions)[];
  /** How one image holds several disks; undefined for a format that holds one. */
  readonly machine?: MachineFormat;
  /** Whether a file is of this format. `head` is its first sector, or all of a shorter file. */
  matches(head: Uint8Array): boolean;
  /**
   * How the image is compressed as a whole. The caller then decompresses it from front to back, and
   * finds the raw disk in it; there is no `read`.
   */
  readonly packed?: WholeCompression;
  /**
   * Opens an image of this format in any of its variants, whichever program wrote it. Rejects with
   * a FormatError if it is not such an image or cannot be read as requested.
   */
  read?(request: ReadRequest): Promise<ImageReader>;
}

/** The arguments of `Format.read`. */
export interface ReadRequest {
  /** The image. */
  readonly input: ImageInput;
  /**
   * Opens another file that holds a part of the disk, by the name that the image has for it. The
   * reader passes the name on unchecked: this rejects unless the user allowed other files, and for
   * a name that leads out of the image's folder. Returns undefined for a file that is not to be
   * opened; the reader then lists it in `ImageReader.notOpened`.
   */
  openOther(name: string): Promise<ImageInput | undefined>;
  /** Starts a hash. */
  hasher: WriteRequest['hasher'];
}

/**
 * The bytes of an image, wherever they lie. Readers do no I/O of their own. Everything in an image
 * is hostile: a reader checks each count, length and offset before it uses it, and never requests
 * a length that only the image determines.
 */
export interface ImageInput {
  /** Length of the image in bytes. */
  readonly size: number;
  /**
   * Exactly `length` bytes from an offset, in a buffer that belongs to the caller. Rejects with a
   * FormatError if the image ends before.
   */
  read(imageOffset: number, length: number): Promise<Uint8Array>;
  /**
   * Whether bytes are known to be zeros without reading them, in a hole of a sparse file. A reader
   * asks before it reads one of many small tables: a file of some MiB can name millions, all in a
   * hole. Rejects if the reading was aborted. Undefined: never known.
   */
  isHole?(imageOffset: number, length: number): boolean | Promise<boolean>;
}

/** Where an extent of the disk lies in an image. Offsets and lengths are in bytes. */
export type ImageExtent = ZeroExtent | PlainExtent | CompressedExtent;

/** Zeros that the image states. It must state only those that hide data of a backing file. */
export interface ZeroExtent {
  /** Tells the extents apart. */
  readonly kind: 'zeros';
  /** Where the extent begins on the disk. */
  readonly diskOffset: number;
  /** Its length on the disk. */
  readonly diskLength: number;
}

/** Uncompressed data. Readers join extents that are adjacent on the disk and in the image. */
export interface PlainExtent {
  /** Tells the extents apart. */
  readonly kind: 'plain';
  /** Where the extent begins on the disk. */
  readonly diskOffset: number;
  /** Its length on the disk and in the image. */
  readonly diskLength: number;
  /** Where the data begins in `input`, or in the image. */
  readonly imageOffset: number;
  /** The file that holds the data, from `openOther`; undefined: the image itself. */
  readonly input?: ImageInput | undefined;
}

/** A compressed stream: RFC 1951, RFC 1950, RFC 8878. */
export type CompressionKind = 'deflate' | 'zlib' | 'zstd';

/** One compressed stream. */
export interface CompressedExtent {
  /** Tells the extents apart and names the compression. */
  readonly kind: CompressionKind;
  /** Where the extent begins on the disk. */
  readonly diskOffset: number;
  /**
   * Length of the decompressed stream, at most MAX_COMPRESSED_EXTENT. The last extent may reach
   * past the end of the disk: the excess is dropped, and the stream may also end with the disk, as
   * in VMDKs of QEMU.
   */
  readonly diskLength: number;
  /** Where the stream begins in `input`, or in the image. */
  readonly imageOffset: number;
  /** Upper bound of the stream's length, at most 2 * MAX_COMPRESSED_EXTENT; it may end before. */
  readonly imageLength: number;
  /** The file that holds the stream, from `openOther`; undefined: the image itself. */
  readonly input?: ImageInput | undefined;
}

/** The longest disk extent of one compressed stream, in bytes: QEMU's largest cluster. */
export const MAX_COMPRESSED_EXTENT = 2 * 2 ** 20;

/** Something wrong in an image that can still be opened. */
export interface Problem {
  /** A clause: what was found where, and what was expected. */
  readonly message: string;
  /** `error`: the disk may read wrong. `leak`: only space in the image is lost. */
  readonly severity: 'error' | 'leak';
}

/** What an image says about itself, for `kexport info`. */
export interface ImageFacts {
  /** As on the command line. */
  readonly format: string;
  /** Version or variant in the format's own words, such as `streamOptimized`. */
  readonly subformat?: string | undefined;
  /** Size of the disk in bytes. */
  readonly diskSize: number;
  /** Further facts in the order to show them, by their names in the specification. */
  readonly details: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** How overlays identify this image: the CID of a VMDK, the unique ID of a VHD. */
  readonly id?: string | undefined;
  /** How overlays that name no file find and identify this image: VirtualBox's VMDK. */
  readonly uuids?: ImageUuids | undefined;
  /** The backing file. The reader never opens it: the caller does, if the user allows it. */
  readonly backing?: BackingFacts | undefined;
}

/** UUIDs of an image, in lower case with hyphens. */
export interface ImageUuids {
  /** The same as long as the image exists. */
  readonly image: string;
  /** Changes when the image is written to; undefined: the image does not say. */
  readonly modification?: string | undefined;
}

/** The backing file of an overlay, as the overlay names it. */
export interface BackingFacts {
  /** Name of the file; undefined if the overlay has only its `uuids`. */
  readonly file: string | undefined;
  /** The `ImageFacts.uuids` that it must have. */
  readonly uuids?: ImageUuids | undefined;
  /** Its format by QEMU's name; undefined: the overlay does not say. */
  readonly format?: string | undefined;
  /** The `ImageFacts.id` that it must have; undefined: the format has none. */
  readonly id?: string | undefined;
}

/** Files with a part of the disk for which `ReadRequest.openOther` returned undefined. */
export interface NotOpened {
  /** Their names in the image. */
  readonly files: readonly string[];
  /** Whether the image by itself maps the whole disk; else the extents in `files` are missing. */
  readonly isMapped: boolean;
}

/** A disk in an image that has several. */
export interface DiskInImage {
  /** Its name in the image, which is unique there. */
  readonly name: string;
  /**
   * Opens it. Its `check` is that of its own structure, without what surrounds it. Rejects with a
   * FormatError if it cannot be read.
   */
  read(): Promise<ImageReader>;
}

/** An image opened for reading. It holds no resources, so there is nothing to close. */
export interface ImageReader {
  /** What the image says about itself. */
  readonly facts: ImageFacts;
  /** Undefined if all files are open. Else the disk cannot be read, but facts and checks can. */
  readonly notOpened?: NotOpened | undefined;
  /**
   * All disks of a machine, in its order, if it has several and the request chose none. The reader
   * itself is then that of the first, but its `check` is of the whole image.
   */
  readonly disks?: readonly DiskInImage[] | undefined;
  /**
   * The extents of the disk by ascending `diskOffset`, from the first one that ends after the byte
   * `from` of the disk (it may begin before). A gap is zeros, or data of the backing file. Each
   * call walks the image anew, in memory that does not grow with the disk. Throws a FormatError
   * where the image is damaged or not supported.
   */
  extents(from?: number): Iterable<ImageExtent> | AsyncIterable<ImageExtent>;
  /**
   * Checks the structure of the image, without decompressing data, and yields each problem; a
   * hostile image can have any number. Throws a FormatError for what cannot be checked.
   */
  check(): Iterable<Problem> | AsyncIterable<Problem>;
}
