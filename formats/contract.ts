// What a format promises and what it is given. Read this first, then `raw.ts`, then a larger format.
//
// The rule that keeps everything small: blocks ascend; a gap between two blocks means zeros.

/** The unit that flows through an export, in bytes: one qcow2 cluster, one VMDK grain. */
export const BLOCK_SIZE = 65_536;

/** The unit disk sizes are counted in, in bytes. */
export const SECTOR_SIZE = 512;

/** How a block is compressed. Two targets with equal encodings share one compression. */
export interface Encoding {
  /** A zlib stream (RFC 1950): 2 bytes of header, raw deflate, 4 bytes of Adler-32. */
  readonly kind: 'zlib';
  /** Base-2 logarithm of the deflate window: 12 is 4 KiB, 15 is 32 KiB. */
  readonly windowBits: 12 | 15;
  /** 1 (fastest) to 9 (smallest). */
  readonly level: number;
}

/** What the caller wants of the compression; each format turns it into an encoding of its own. */
export interface CompressionChoice {
  /** 1 (fastest) to 9 (smallest). */
  readonly level: number;
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
  packed(encoding: Encoding): Uint8Array;
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
  update(bytes: Uint8Array): void;
  digest(): string;
}

/** What a writer is given. */
export interface WriteRequest {
  readonly disk: Disk;
  /** What `Format.encoding` answered. */
  readonly encoding: Encoding | undefined;
  readonly output: ImageOutput;
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
  /** Loads what is too costly for a program that only lists formats. Awaited before `write`. */
  prepare?(): Promise<void>;
  write(request: WriteRequest): FormatWriter;
  /** Whether a file that begins with `head` (at least one sector, if the file has one) is an image of this format. */
  matches(head: Uint8Array): boolean;
  /** Opens an image of this format, written by whomever. */
  read?(input: ImageInput): Promise<ImageReader>;
}

/** The bytes of an image, wherever they lie. Given to readers, which do no I/O of their own. */
export interface ImageInput {
  /** Bytes of the image. */
  readonly size: number;
  /** Exactly `length` bytes from an offset, the caller's to keep. Throws a FormatError where the image ends before. */
  read(imageOffset: number, length: number): Promise<Uint8Array>;
}

/**
 * Where a stretch of the disk lies in an image. Offsets and lengths are in bytes; those of the disk are multiples of
 * SECTOR_SIZE, but for the end of the disk.
 */
export type Stretch = ZeroStretch | StoredStretch;

/** Zeros that an image tells of. It need not, unless they hide what a backing file has there. */
export interface ZeroStretch {
  readonly kind: 'zeros';
  readonly diskOffset: number;
  readonly diskLength: number;
}

export interface StoredStretch {
  /** `deflate` is RFC 1951, `zlib` RFC 1950, `zstd` RFC 8878; each gives exactly `diskLength` bytes. */
  readonly kind: 'plain' | 'deflate' | 'zlib' | 'zstd';
  readonly diskOffset: number;
  readonly diskLength: number;
  readonly imageOffset: number;
  /** `diskLength` if plain; else as far as the packed bytes may reach, others may follow them. */
  readonly imageLength: number;
}

/** Something wrong with an image that a reader can nevertheless tell of. */
export interface Problem {
  /** What was found where, against what was expected: a sentence for people. */
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
  readonly diskSize: number;
  /** What the format alone has to tell, in the order to show it, under its specification's names. */
  readonly details: Readonly<Record<string, string | number | boolean | readonly string[]>>;
  /** As the image names it. Never opened unless the user says so. */
  readonly backingFile?: string | undefined;
}

/** An image opened for reading. Every number of the image is checked before it is used; what is wrong is a FormatError. */
export interface ImageReader {
  readonly facts: ImageFacts;
  /** The map of the disk from a byte of it on, by ascending `diskOffset`; what lies between two stretches is zeros. */
  stretches(from?: number): AsyncIterable<Stretch>;
  /** Reads all of the structure, and tells what is wrong with it. */
  check(): AsyncIterable<Problem>;
}
