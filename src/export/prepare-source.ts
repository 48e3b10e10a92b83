import type { OnWarning } from '../errors.ts';
import type { Format } from '../../formats/index.ts';
import type { OnProgress } from '../sources/progress.ts';
import { roundedSource } from '../sources/rounded.ts';
import type { Source } from '../sources/source.ts';
import { spooledSource } from '../sources/spooled.ts';

/** Options of {@link prepareSource}. */
export interface PrepareOptions {
  /** Whether the size must be known, whatever the formats need. Default false. */
  readonly needsSize?: boolean | undefined;
  readonly keepGpt?: boolean | undefined;
  readonly onWarning?: OnWarning | undefined;
  readonly onProgress?: OnProgress | undefined;
  readonly signal: AbortSignal;
}

/**
 * Fits a disk to the formats of an export: spools it if its size is needed beforehand, and rounds
 * the size up to one that all formats can have. The new source owns `source`, which is closed if
 * this throws.
 */
export async function prepareSource(
  source: Source,
  formats: readonly Format[],
  { needsSize = false, keepGpt, onWarning, onProgress, signal }: PrepareOptions,
): Promise<Source> {
  const mustKnow = needsSize || formats.some((format) => format.needsDiskSize);
  const disk =
    mustKnow && source.size === undefined
      ? await spooledSource(source, signal, onProgress)
      : source;
  return roundedSource(disk, sizeMultiple(formats), { keepGpt, onWarning });
}

/**
 * The smallest common multiple for the disk sizes of all formats, in bytes. That of each format is
 * a power of two, so it is the largest of them.
 */
export function sizeMultiple(formats: readonly Format[]): number {
  return Math.max(...formats.map((format) => format.sizeMultiple));
}
