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
}
