import type { Source } from '../sources/source.ts';

/** What this thread compresses or hashes in the time in which workers start, in bytes. */
const SMALL_DISK = 2 ** 22;

/** How many of `threads` a disk is worth: none if it is small. */
export function threadsFor({ size }: Pick<Source, 'size'>, threads: number): number {
  return size !== undefined && size <= SMALL_DISK ? 0 : threads;
}
