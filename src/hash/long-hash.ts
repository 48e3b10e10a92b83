import { host } from '#host';
import type { Hasher, LongHasher } from '../../formats/contract.ts';
import { throwIfAborted } from '../errors.ts';

/** A hash of a whole image, which this thread or another computes. */
export interface LongHash extends LongHasher {
  /** Adds zeros. */
  addZeros(count: number, signal?: AbortSignal): Promise<void>;
  /** Resolves when the bytes that were added are no longer needed. Rejects if a thread has died. */
  flush(): Promise<void>;
  /** Gives the hash up if it has not ended. May be called at any time, and again. */
  close(): Promise<void>;
}

const ZEROS = new Uint8Array(2 ** 20);

/** A hash that this thread computes. */
export function ownHash(hasher: Hasher): LongHash {
  return {
    update: (bytes) => hasher.update(bytes),
    zeros: (count) => updateZeros(hasher, count),
    async addZeros(count, signal) {
      for (let left = count; left > 0; left -= ZEROS.length) {
        hasher.update(ZEROS.subarray(0, left));
        await host.turn(); // a gap may be TiB long
        throwIfAborted(signal);
      }
    },
    flush: () => Promise.resolve(),
    digest: () => Promise.resolve(hasher.digest()),
    close: () => Promise.resolve(),
  };
}

/** Adds so many zeros to a hash. */
export function updateZeros(hasher: Hasher, count: number): void {
  for (let left = count; left > 0; left -= ZEROS.length) hasher.update(ZEROS.subarray(0, left));
}
