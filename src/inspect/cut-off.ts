import { type DiskView, diskView, type ReadAt } from '../partitions/disk-view.ts';
import { statedEnd } from './stated-end.ts';

/**
 * How a disk of `size` bytes ends before its partition table or its file system does, in a clause;
 * undefined if it does not. `disk` may be its beginning alone.
 */
export async function cutOff(disk: DiskView, size: number): Promise<string | undefined> {
  const stated = await statedEnd(disk);
  if (!stated || stated.end <= size) return undefined;
  return `the disk ends after ${size} bytes, but ${stated.what} needs ${stated.end}: it is cut off`;
}

/** The same of a disk that is read by `read`. Throws only what that throws. */
export function cutOffOf(read: ReadAt, size: number): Promise<string | undefined> {
  return cutOff(diskView(read, size), size);
}
