import { alignedMemory } from '../workers/aligned-memory.ts';

/**
 * Where one image goes. Implement it to send images somewhere new. Calls never overlap. A signal
 * makes a call give up that may wait for somebody else; one that does not may ignore it.
 */
export interface Sink {
  /** What people call it. Shown in messages. */
  readonly name: string;
  /** Whether `write` may go back to bytes already written. */
  readonly seekable: boolean;
  /** Bytes that the finished image takes up, if that is not its length. */
  readonly allocated?: number | undefined;
  /** Bytes that the sink has stored, if it is not the image as such. */
  readonly fileSize?: number | undefined;
  /**
   * An open file that the image can be read back from once it is finished, until `commit` or
   * `discard`.
   */
  readonly fd?: number | undefined;
  /**
   * Writes buffers one after the other at an offset of the image. They are the caller's again
   * afterwards.
   */
  write(imageOffset: number, buffers: readonly Uint8Array[], signal?: AbortSignal): Promise<void>;
  /** Makes a stretch that nothing was written to read as zeros. */
  zeros(imageOffset: number, count: number, signal?: AbortSignal): Promise<void>;
  /**
   * Reads back into a buffer what lies at an offset; returns how many bytes. Where the sink can.
   */
  read?(imageOffset: number, buffer: Uint8Array): Promise<number>;
  /** Called after the last write: makes the image's `length` bytes durable. */
  finish(length: number, signal?: AbortSignal): Promise<void>;
  /** Called once every image of the run is finished: gives this one its final name. */
  commit(): Promise<void>;
  /** Called after a failure, whatever was called before: leaves nothing behind. */
  discard(): Promise<void>;
}

const ZEROS_SIZE = 2 ** 20;

let zeros: Uint8Array | undefined;

/** Writes zeros to a sink that has no holes, a bounded number of buffers at a time. */
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
