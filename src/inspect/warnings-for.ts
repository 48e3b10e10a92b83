import { Warning } from '../errors.ts';
import type { DiskFacts } from './disk-facts.ts';
import { type ImportTarget, importWarnings } from './import-warnings.ts';

/** Warnings that a disk is cut off, or that its import will fail; empty if nothing is known. */
export function warningsFor(facts: DiskFacts | undefined, target: ImportTarget): Warning[] {
  if (!facts) return [];
  return [
    ...(facts.cutOff === undefined ? [] : [new Warning('cut-off', facts.cutOff)]),
    ...importWarnings(facts, target).map((message) => new Warning('import', message)),
  ];
}
