import type { Source } from '../sources/source.ts';
import { type ImportTarget, importWarnings } from './import-warnings.ts';
import { inspectDisk } from './inspect-disk.ts';

/**
 * The result of `importWarnings` for the disk of a source; empty if the source has no random access
 * or no size yet. Throws what its `read` throws.
 */
export async function warningsFor(source: Source, target: ImportTarget): Promise<string[]> {
  const read = source.read?.bind(source);
  if (!read || source.size === undefined) return [];
  return importWarnings(await inspectDisk(read, source.size), target);
}
