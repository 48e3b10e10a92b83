import type { ReadableFile } from '../host/readable-file.ts';
import { alignedMemory } from '../workers/aligned-memory.ts';

/**
 * The place that one image is written to. Implement it to send images somewhere new. Calls never
 * overlap. A signal aborts calls that may wait for another program or machine; others may ignore
 * it.
 */
export interface Sink {
  /** The name of the sink in messages. */
  readonly name: string;
  /** Whether `write` may go back to bytes already written. */
  readonly seekable: boolean;
  /** Bytes that the finished image takes up, if not its length. */
  readonly allocated?: number | undefined;
  /** Bytes that the sink has stored, if it does not store the image as it is. */
  readonly fileSize?: number | undefined;
  /**
   * Descriptor of an open file to read the image back from, once it is finished and until `commit`
   * or `discard`.
   */
  readonly fd?: number | undefined;
  /**
   * Opens the finished image of `size` bytes to read it back, until `commit` or `discard`; of a
   * sink without a descriptor. Optional.
   */
  readBack?(size: number, signal?: AbortSignal): ReadableFile;
  /** What a sink that sends the image somewhere has sent. */
  readonly traffic?: Traffic | undefined;
  /**
   * What a store calls the image, for the program that goes on with it: `etag`, `snapshotId`. Known
   * after `commit`.
   */
  readonly ids?: Readonly<Record<string, string | undefined>> | undefined;
  /**
   * Writes buffers, one after the other, at an offset of the image. The caller may reuse them
   * afterwards.
   */
  write(imageOffset: number, buffers: readonly Uint8Array[], signal?: AbortSignal): Promise<void>;
  /**
   * Says before the writes for it that a part of the disk was stored, zeros included. Offsets
   * ascend; what lies between was never stored, and nobody counts on its bytes. For a sink that
   * takes nothing but raw disks, and whose zeros cost something. Optional.
   */
  stored?(diskOffset: number, length: number): void;
  /** Makes an extent that was not written read as zeros. */
  zeros(imageOffset: number, count: number, signal?: AbortSignal): Promise<void>;
  /** Reads the image back from an offset into a buffer; returns the number of bytes. Optional. */
  read?(imageOffset: number, buffer: Uint8Array): Promise<number>;
  /** Called after the last write: makes the `length` bytes of the image durable. */
  finish(length: number, signal?: AbortSignal, onProgress?: OnFinishProgress): Promise<void>;
  /** Called once every image of the export is finished: gives this one its final name. */
  commit(): Promise<void>;
  /**
   * Called once every image of the export has its name: removes what `discard` would need to
   * restore what was there before. Optional.
   */
  settle?(): Promise<void>;
  /** Called after a failure, whatever was called before: removes the image. */
  discard(): Promise<void>;
}

/** What was sent to a store so far. */
export interface Traffic {
  /** Bytes that have arrived. */
  readonly bytes: number;
  /** Requests that were sent again. */
  readonly retries: number;
}

/** How far `finish` has come, in bytes of the image; see `Progress`. */
export interface FinishProgress {
  /** What `finish` is doing. */
  readonly phase: 'sending' | 'syncing' | 'hashing';
  /** In bytes. */
  readonly done: number;
  /** In bytes. */
  readonly total: number;
}

/** Called where `finish` takes long: before a sync, and for each piece that is sent or hashed. */
export type OnFinishProgress = (progress: FinishProgress) => void;

/** Calls `settle` of a sink that has it. */
export async function settle(sink: Sink): Promise<void> {
  await sink.settle?.();
}

const ZEROS_SIZE = 2 ** 20;

let zeros: Uint8Array | undefined;

/** Writes zeros to a sink that cannot make holes, a bounded number of bytes at a time. */
export async function writeZeros(
  sink: Pick<Sink, 'write'>,
  imageOffset: number,
  count: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  zeros ??= new Uint8Array(alignedMemory(ZEROS_SIZE), 0, ZEROS_SIZE);
  for (let done = 0; done < count; done += ZEROS_SIZE) {
    const piece = zeros.subarray(0, Math.min(ZEROS_SIZE, count - done));
    await sink.write(imageOffset + done, [piece], signal);
  }
}
