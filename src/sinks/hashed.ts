import { host } from '#host';
import type { Hasher } from '../../formats/contract.ts';
import { throwIfAborted } from '../errors.ts';
import { type OnFinishProgress, settle, type Sink } from './sink.ts';

const ZEROS = Buffer.alloc(1 << 20);

/** A sink that computes the SHA-256 of its image. */
export interface HashedSink extends Sink {
  /** Lower-case hexadecimal; undefined until `finish` has returned. */
  readonly sha256: string | undefined;
}

/**
 * Hashes an image while it is written. If its writer seeks (`inOrder` is false), reads the image
 * back at the end instead; the sink must then have `read`. `hash` is SHA-256.
 */
export function hashed(
  sink: Sink,
  inOrder: boolean,
  hash: Hasher = host.hasher('sha256'),
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
      await sink.write(imageOffset, buffers, signal);
    },
    async zeros(imageOffset, count, signal) {
      if (inOrder) await hashZeros(count, signal);
      await sink.zeros(imageOffset, count, signal);
    },
    ...(sink.read && { read: sink.read.bind(sink) }),
    async finish(length, signal, onProgress) {
      await sink.finish(length, signal, onProgress);
      if (!inOrder) await hashAgain(length, signal, onProgress);
      sha256 = hash.digest();
    },
    commit: () => sink.commit(),
    settle: () => settle(sink),
    discard: () => sink.discard(),
  };

  async function hashZeros(count: number, signal: AbortSignal | undefined): Promise<void> {
    for (let left = count; left > 0; left -= ZEROS.length) {
      hash.update(ZEROS.subarray(0, left));
      await host.turn(); // a gap may be TiB long
      throwIfAborted(signal);
    }
  }

  async function hashAgain(
    length: number,
    signal: AbortSignal | undefined,
    onProgress: OnFinishProgress | undefined,
  ): Promise<void> {
    if (!sink.read) throw new Error(`${sink.name} cannot be read back`);
    const buffer = Buffer.allocUnsafe(1 << 20);
    for (let at = 0; at < length;) {
      throwIfAborted(signal);
      const count = await sink.read(at, buffer);
      if (count === 0) throw new Error(`${sink.name} ends at byte ${at} of ${length}`);
      hash.update(buffer.subarray(0, count));
      at += count;
      onProgress?.({ phase: 'hashing', done: at, total: length });
    }
  }
}
