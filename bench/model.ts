/** What an export takes for each GiB of the disk that is data, in seconds of a processor. */
export interface Costs {
  /** Of the main thread. */
  readonly main: number;
  /** Of all threads, with that. */
  readonly all: number;
}

/** What so many processors would give. */
export interface Forecast {
  /** GiB of data in each second. */
  readonly rate: number;
  /** What is busy all the time then. */
  readonly bound: 'processors' | 'main thread';
}

/** The machines that {@link forecast} is asked about. */
export const PROCESSORS: readonly number[] = [16, 32, 64];

/**
 * The rate at which the first of them is busy all the time: the main thread, or all processors.
 * Takes it that nothing waits for a disk, and that a processor is as fast when all are busy.
 */
export function forecast({ main, all }: Costs, processors: number): Forecast {
  const bounds: readonly Forecast[] = [
    { rate: processors / all, bound: 'processors' },
    { rate: 1 / main, bound: 'main thread' },
  ];
  return bounds.reduce((least, next) => (next.rate < least.rate ? next : least));
}
