// What a format promises and what it is given. Read this first, then `raw.ts`, then a larger format.
//
// The rule that keeps everything small: blocks ascend; a gap between two blocks means zeros.

/** The unit that flows through an export, in bytes: one qcow2 cluster, one VMDK grain. */
export const BLOCK_SIZE = 65_536;

/** The unit disk sizes are counted in, in bytes. */
export const SECTOR_SIZE = 512;

/** How a block is compressed. Two targets with equal encodings share one compression. */
export type Encoding = ZlibEncoding | ZstdEncoding;

/** Blocks as zlib streams. */
export interface ZlibEncoding {
  /** A zlib stream (RFC 1950): 2 bytes of header, raw deflate, 4 bytes of Adler-32. */
  readonly kind: 'zlib';
  /** Base-2 logarithm of the deflate window: 12 is 4 KiB, 15 is 32 KiB. */
  readonly windowBits: 12 | 15;
  /** 1 (fastest) to 9 (smallest). */
  readonly level: number;
}

/** Blocks as zstd frames. */
export interface ZstdEncoding {
  /** One frame of zstd (RFC 8878), without a checksum. */
  readonly kind: 'zstd';
  /** 1 (fastest) to 19 (smallest). */
  readonly level: number;
}

/** What the caller wants of the compression; each format turns it into an encoding of its own. */
export interface CompressionChoice {
  /** Of zlib: 1 (fastest) to 9 (smallest). */
  readonly level: number;
  /** 1 (fastest) to 19 (smallest): a format that has zstd is to take it. Undefined: none is. */
  readonly zstdLevel?: number | undefined;
  /** Base-2 logarithm of the deflate window; undefined leaves it to the format. */
  readonly windowBits?: 12 | 15 | undefined;
}

/** One block of the disk that is not all zeros. Its buffers are only valid until the output has been flushed. */
export interface Block {
  /** Position on the disk, in units of BLOCK_SIZE. */
  readonly index: number;
  /** BLOCK_SIZE bytes; the last block of a disk is padded with zeros. */
  readonly bytes: Uint8Array;
  /** How many of `bytes` lie on the disk: BLOCK_SIZE, less only in the last block. */
  readonly length: number;
  /** The block in that encoding, which must be the one that the format asked for. */
  compressed(encoding: Encoding): Uint8Array;
}

/**
 * Where a writer puts its image. Every call only queues: buffers belong to the output until the
 * caller of the writer has flushed it.
 */
export interface ImageOutput {
  /** Length of the image so far, in bytes. */
  readonly position: number;
  /** Puts bytes at the end of the image. */
  append(bytes: Uint8Array): void;
  /** Puts zeros at the end of the image: a hole where the sink has holes. */
  zeros(count: number): void;
  /** Replaces bytes that were appended before, at an offset in the image. Not for formats that stream. */
  patch(imageOffset: number, bytes: Uint8Array): void;
}

/** A synchronous state machine that turns ascending blocks into an image. */
export interface FormatWriter {
  /** Takes the next block; its index is above that of the one before. */
  add(block: Block): void;
  /** Writes what follows the last block. `diskSize` is in bytes, a multiple of SECTOR_SIZE. */
  finish(diskSize: number): void;
}

/** What a writer is told of the disk. Injected, so that the same disk gives the same bytes. */
export interface Disk {
  /** In bytes, a multiple of SECTOR_SIZE; undefined while the source has not ended. */
  readonly size: number | undefined;
  /** What people call it: the name of the export, without an extension. Letters, digits, `.`, `_` and `-`. */
  readonly name: string;
  /** 16 bytes, RFC 9562. */
  readonly uuid: Uint8Array;
  /** Seconds since 1970, UTC. */
  readonly createdAt: number;
  /** The guid of the ZFS snapshot whose disk it is, if it is known: increments are checked against it. */
  readonly snapshotGuid?: bigint | undefined;
}

/** Hashes what it is given; `digest` is lower-case hexadecimal. */
export interface Hasher {
  /** Adds bytes. */
  update(bytes: Uint8Array): void;
  /** The hash of all of them. Called once. */
  digest(): string;
}

/** What a writer is given. */
export interface WriteRequest {
  /** What is known of the disk. */
  readonly disk: Disk;
  /** What `Format.encoding` answered. */
  readonly encoding: Encoding | undefined;
  /** Where the image goes. */
  readonly output: ImageOutput;
  /** A new hash, for a format that carries one. */
  hasher(algorithm: 'sha1' | 'sha256' | 'sha512'): Hasher;
}

/**
 * One image format, its options bound: `qcow2()`, `vhd({ align: 'none' })`. A new one is a folder, a line in
 * `index.ts` and a test.
 */
export interface Format {
  /** As typed on the command line. */
  readonly name: string;
  /** One line for people. */
  readonly title: string;
  /** File name extension, without the dot. */
  readonly extension: string;
  /**
   * Whether the image can go to a pipe: `always`; `size-first` if only the disk size must be known
   * beforehand; `never` if the writer patches what it has written.
   */
  readonly streaming: 'always' | 'size-first' | 'never';
  /**
   * Whether `write` must be told the size of the disk, which even patches cannot add later. The caller then spools
   * the disk of a pipe until it has ended.
   */
  readonly needsDiskSize?: boolean;
  /** Largest disk in bytes that the format, as written here, can hold. */
  readonly maxDiskSize: number;
  /** The disk size must be a multiple of this, in bytes; other disks are rounded up, for every image of the run. */
  readonly sizeMultiple: number;
  /** The encoding that blocks are wanted in; undefined if the format stores them plain. */
  encoding(choice: CompressionChoice): Encoding | undefined;
  /**
   * Starts an image in `request.output`, which must be empty, and returns its writer. Rejects with a FormatError if the
   * format cannot hold this disk.
   */
  write(request: WriteRequest): Promise<FormatWriter>;
  /** Whether a file that begins with `head` (at least one sector, if the file has one) is an image of this format. */
  matches(head: Uint8Array): boolean;
  /**
   * Opens an image of this format in any of its variants, written by whomever. Throws a FormatError if it is none, or one
   * that cannot be read as asked.
   */
  read?(request: ReadRequest): Promise<ImageReader>;
}

/** What a reader is given. */
export interface ReadRequest {
  /** The image. */
  readonly input: ImageInput;
  /**
   * Opens another file that holds a part of the disk, by the name that the image has for it. Throws unless the user has
   * allowed that, and for a name that leads out of the image's folder: a reader passes names on as they are. Undefined: the
   * file is to be left alone, and told of as `ImageReader.notOpened`.
   */
  openOther(name: string): Promise<ImageInput | undefined>;
  /** A new hash, for a format that carries one. */
  hasher: WriteRequest['hasher'];
}

/**
 * The bytes of an image, wherever they lie. Given to readers, which do no I/O of their own. What is read of an image is
 * hostile: every count, length and offset is checked before it is used, and nothing is asked for in lengths that the
 * image alone decides on.
 */
export interface ImageInput {
  /** Bytes of the image. */
  readonly size: number;
  /** Exactly `length` bytes from an offset, the caller's to keep. Throws a FormatError where the image ends before. */
  read(imageOffset: number, length: number): Promise<Uint8Array>;
}

/** Where a stretch of the disk lies in an image. Offsets and lengths are in bytes, and within the image. */
export type ImageExtent = ZeroExtent | PlainExtent | CompressedExtent;

/** Zeros that an image tells of. It need not, unless they hide what a backing file has there. */
export interface ZeroExtent {
  /** `zeros`. */
  readonly kind: 'zeros';
  /** Position on the disk. */
  readonly diskOffset: number;
  /** How many zeros. */
  readonly diskLength: number;
}

/** Bytes of the disk as they are. Of any length: readers join what is adjacent on the disk and in the image. */
export interface PlainExtent {
  /** `plain`. */
  readonly kind: 'plain';
  /** Position on the disk. */
  readonly diskOffset: number;
  /** Bytes on the disk, and in the image. */
  readonly diskLength: number;
  /** Where they lie in the image. */
  readonly imageOffset: number;
  /** What `imageOffset` counts in; undefined: in the image itself. Answered by `openOther`. */
  readonly input?: ImageInput | undefined;
}

/** How a stretch is packed: RFC 1951, RFC 1950, RFC 8878. */
export type CompressionKind = 'deflate' | 'zlib' | 'zstd';

/** One packed stream. */
export interface CompressedExtent {
  /** How the stream is compressed. */
  readonly kind: CompressionKind;
  /** Position on the disk. */
  readonly diskOffset: number;
  /**
   * What the stream gives, to the byte; at most MAX_PACKED. The last may reach past the end of the disk, and what does is
   * dropped; or the stream gives no more than what lies on the disk, as in QEMU's VMDKs.
   */
  readonly diskLength: number;
  /** Where the stream begins in the image. */
  readonly imageOffset: number;
  /** As far as the stream may reach; bytes of others may follow it. At most 2 * MAX_PACKED. */
  readonly imageLength: number;
  /** See {@link PlainExtent.input}. */
  readonly input?: ImageInput | undefined;
}

/** The most that one packed stream gives, in bytes: QEMU's largest cluster. Readers refuse larger units. */
export const MAX_COMPRESSED_EXTENT = 2 * 2 ** 20;

/** Something wrong with an image that a reader can nevertheless tell of. */
export interface Problem {
  /** What was found where, against what was expected: a clause for people, "cluster 12 has refcount 0, 1 refers to it". */
  readonly message: string;
  /** `leak`: space is lost, but every byte of the disk is right. */
  readonly severity: 'error' | 'leak';
}

/** What `kexport info` shows; sizes in bytes. */
export interface ImageFacts {
  /** As on the command line. */
  readonly format: string;
  /** Version or variant in the format's own words, such as `streamOptimized`. */
  readonly subformat?: string | undefined;
  /** Of the disk in the image. */
  readonly diskSize: number;
  /** What the format alone has to tell, in the order to show it, under its specification's names. */
  readonly details: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** What images that build upon this one know it by: the CID of a vmdk, the unique id of a vhd. */
  readonly id?: string | undefined;
  /** Never opened unless the user says so, and not by the reader: the caller does. */
  readonly backing?: BackingFacts | undefined;
}

/** The image that has what another leaves out, as the other one tells. */
export interface BackingFacts {
  /** As the image names it: a file's name, mostly a path from the image's own folder. */
  readonly file: string;
  /** As QEMU calls it. */
  readonly format?: string | undefined;
  /** Its `ImageFacts.id`, or its disk is not the one that was built upon. Undefined where the format has none. */
  readonly id?: string | undefined;
}

/** The files with a part of the disk that `ReadRequest.openOther` left alone. */
export interface NotOpened {
  /** As the image names them. */
  readonly files: readonly string[];
  /** Whether the image by itself has the map of the disk. Else what only they tell is missing in it. */
  readonly isMapped: boolean;
}

/** An image opened for reading. Holds no file: there is nothing to close. What is wrong with the image is a FormatError. */
export interface ImageReader {
  /** What the image says of itself. */
  readonly facts: ImageFacts;
  /** Undefined if all of the image is at hand. Else the disk cannot be read: facts, map and check are of what is. */
  readonly notOpened?: NotOpened | undefined;
  /**
   * The map of the disk, by ascending `diskOffset`, from the first stretch that ends after the byte `from` of the disk (it
   * may begin before). What lies between two stretches is zeros, or what the backing file has there. Each call is a
   * walk of its own. Memory does not grow with the disk.
   */
  extents(from?: number): Iterable<ImageExtent> | AsyncIterable<ImageExtent>;
  /**
   * Reads all of the structure and tells what is wrong with it, an unbounded number of times in a hostile image. Unpacks
   * nothing: whoever reads the disk does.
   */
  check(): Iterable<Problem> | AsyncIterable<Problem>;
}
