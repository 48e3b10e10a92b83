import { host } from '#host';
import { throwIfAborted } from '../errors.ts';
import { type LongHash, ownHash } from '../hash/long-hash.ts';
import { sharedMemory } from '../workers/aligned-memory.ts';
import { allSettled } from '../workers/all-settled.ts';
import { type OnFinishProgress, settle, type Sink } from './sink.ts';

/** What is read back at a time, in bytes. */
const STEP = 2 ** 20;

/** A sink that computes the SHA-256 of its image. */
export interface HashedSink extends Sink {
  /** Lower-case hexadecimal; undefined until `finish` has returned. */
  readonly sha256: string | undefined;
}

/**
 * Hashes an image while it is written. If its writer seeks (`inOrder` is false), reads the image
 * back at the end instead; the sink must then have `read`. `hash` is SHA-256; it is closed with the
 * image.
 */
export function hashed(
  sink: Sink,
  inOrder: boolean,
  hash: LongHash = ownHash(host.hasher('sha256')),
): HashedSink {
  let sha256: string | undefined;

  return {
    name: sink.name,
    seekable: sink.seekable,
    fd: sink.fd,
    get sha256() {
      return sha256;
    },
    get fileSize() {
      return sink.fileSize;
    },
    get allocated() {
      return sink.allocated;
    },
    get traffic() {
      return sink.traffic;
    },
    get ids() {
      return sink.ids;
    },
    ...(sink.stored && { stored: sink.stored.bind(sink) }),
    ...(sink.readBack && { readBack: sink.readBack.bind(sink) }),
    async write(imageOffset, buffers, signal) {
      if (inOrder) for (const buffer of buffers) hash.update(buffer);
      // If one fails, the other may still use the buffers.
      await allSettled([hash.flush(), sink.write(imageOffset, buffers, signal)]);
    },
    async zeros(imageOffset, count, signal) {
      if (inOrder) await hash.addZeros(count, signal);
      await sink.zeros(imageOffset, count, signal);
    },
    ...(sink.read && { read: sink.read.bind(sink) }),
    async finish(length, signal, onProgress) {
      await sink.finish(length, signal, onProgress);
      if (!inOrder) await hashAgain(length, signal, onProgress);
      sha256 = await hash.digest();
    },
    commit: () => sink.commit(),
    settle: () => settle(sink),
    async discard() {
      await hash.close();
      await sink.discard();
    },
  };

  /** Reads the next part while one is hashed. */
  async function hashAgain(
    length: number,
    signal: AbortSignal | undefined,
    onProgress: OnFinishProgress | undefined,
  ): Promise<void> {
    if (!sink.read) throw new Error(`${sink.name} cannot be read back`);
    const memory = [sharedMemory(STEP), sharedMemory(STEP)] as const;
    let [buffer, other] = memory.map((each) => new Uint8Array(each)) as [Uint8Array, Uint8Array];
    let hashing = Promise.resolve();
    try {
      for (let at = 0; at < length;) {
        throwIfAborted(signal);
        const count = await sink.read(at, buffer);
        if (count === 0) throw new Error(`${sink.name} ends at byte ${at} of ${length}`);
        await hashing;
        hash.update(buffer.subarray(0, count));
        hashing = hash.flush();
        hashing.catch(() => undefined); // heard of below
        [buffer, other] = [other, buffer];
        at += count;
        onProgress?.({ phase: 'hashing', done: at, total: length });
      }
    } finally {
      await hashing;
    }
  }
}
