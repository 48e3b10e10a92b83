/** What an export takes for each GiB of the disk that is data, in seconds of a processor. */
export interface Costs {
  /** Of the main thread. */
  readonly main: number;
  /** Of the longest hash, if a thread of its own computes it; otherwise 0. */
  readonly hash: number;
  /** Of all threads, with those. */
  readonly all: number;
}

/** What so many processors would give. */
export interface Forecast {
  /** GiB of data in each second. */
  readonly rate: number;
  /** What is busy all the time then. */
  readonly bound: 'processors' | 'main thread' | 'one hash';
}

/** The machines that {@link forecast} is asked about. */
export const PROCESSORS: readonly number[] = [16, 32, 64];

/**
 * The rate at which the first of them is busy all the time: the main thread, the thread of the
 * longest hash, or all processors. Takes it that nothing waits for a disk, and that a processor is
 * as fast when all are busy.
 */
export function forecast({ main, hash, all }: Costs, processors: number): Forecast {
  const bounds: readonly Forecast[] = [
    { rate: processors / all, bound: 'processors' },
    { rate: 1 / main, bound: 'main thread' },
    { rate: 1 / hash, bound: 'one hash' },
  ];
  return bounds.reduce((least, next) => (next.rate < least.rate ? next : least));
}
