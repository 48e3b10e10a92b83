import type { ByteStream } from '../byte-streams/byte-stream.ts';
import type { Source } from '../sources/source.ts';

/** A disk, or a stream of bytes that is a raw disk or a zfs send stream. */
export type Opened = Source | OpenedStream;

export interface OpenedStream {
  readonly stream: ByteStream;
  /** Whether it is a zfs send stream; undefined if its first bytes decide. */
  readonly isSent: boolean | undefined;
  /** Size of the disk in bytes, if it is known. */
  readonly size?: number | undefined;
}

/** An open file descriptor. */
export interface Descriptor {
  /** Its name in messages. */
  readonly name: string;
  /** Its path; the other files of an image are looked for in the same folder. */
  readonly path: string;
  readonly fd: number;
  /** Offset of the first byte to read. */
  readonly start: number;
}
