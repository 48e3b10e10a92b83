import type { Source } from '../sources/source.ts';
import type { DiskFacts } from './disk-facts.ts';
import { inspectDisk } from './inspect-disk.ts';

/**
 * Facts about the disk of a source; undefined if it has no random access or no size yet. Throws
 * what its `read` throws.
 */
export async function inspectSource(source: Source): Promise<DiskFacts | undefined> {
  const { size } = source;
  const read = source.read?.bind(source);
  return read && size !== undefined ? inspectDisk(read, size) : undefined;
}
