import type { ByteStream } from '../byte-streams/byte-stream.ts';
import type { Source } from '../sources/source.ts';

/** A disk, or bytes that are one or a zfs send stream. */
export type Opened = Source | OpenedStream;

export interface OpenedStream {
  readonly stream: ByteStream;
  /** Undefined where the beginning will say it. */
  readonly isSent: boolean | undefined;
  /** Of the disk in bytes, if it is known. */
  readonly size?: number | undefined;
}

/** What a descriptor was opened from. */
export interface Descriptor {
  /** What people call it. */
  readonly name: string;
  /** What the other files of an image lie beside. */
  readonly path: string;
  readonly fd: number;
  /** Where its first byte is. */
  readonly start: number;
}
