import { Warning } from '../errors.ts';
import type { Source } from '../sources/source.ts';
import { type ImportTarget, importWarnings } from './import-warnings.ts';
import { inspectDisk } from './inspect-disk.ts';

/**
 * Warnings that the disk of a source is cut off, or that an import of it will fail; empty if the
 * source has no random access or no size yet. Throws what its `read` throws.
 */
export async function warningsFor(source: Source, target: ImportTarget): Promise<Warning[]> {
  const { size } = source;
  const read = source.read?.bind(source);
  if (!read || size === undefined) return [];
  const facts = await inspectDisk(read, size);
  return [
    ...(facts.cutOff === undefined ? [] : [new Warning('cut-off', facts.cutOff)]),
    ...importWarnings(facts, target).map((message) => new Warning('import', message)),
  ];
}
