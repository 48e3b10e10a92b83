import { setTimeout } from 'node:timers/promises';
import { BLOCK_SIZE } from '../../formats/index.ts';
import { roundDown } from '../../formats/rounding.ts';
import { throwIfAborted } from '../errors.ts';
import type { Source } from './source.ts';
import { withSource } from './with-source.ts';

/**
 * Called after some bytes were read: waits until the rate has caught up. Throws a KexportError on
 * an abort.
 */
export type RateLimit = (bytes: number, signal?: AbortSignal) => Promise<void>;

/** Reads per second at the limit: fewer come in bursts, more wake the program for nothing. */
const STEPS = 4;

/** A limit in bytes a second. Time in which nothing was read is not made up for. */
export function rateLimit(bytesPerSecond: number): RateLimit {
  let due = 0; // when the bytes so far may all have been read, in milliseconds
  return async (bytes, signal) => {
    const now = performance.now();
    due = Math.max(due, now) + (1000 * bytes) / bytesPerSecond;
    await setTimeout(due - now, undefined, { signal }).catch(() => throwIfAborted(signal));
  };
}

/**
 * A source that `next` reads at most so many bytes a second of; what is skipped as zeros costs
 * nothing, nor does random access.
 */
export function limitedSource(source: Source, bytesPerSecond: number): Source {
  const limit = rateLimit(bytesPerSecond);
  const step = Math.max(BLOCK_SIZE, roundDown(bytesPerSecond / STEPS, BLOCK_SIZE));
  return withSource(source, {
    async next(buffer, signal) {
      const extent = await source.next(buffer.subarray(0, step), signal);
      if (extent) await limit(extent.length, signal);
      return extent;
    },
  });
}
