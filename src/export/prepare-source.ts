import type { OnWarning } from '../errors.ts';
import type { Format } from '../../formats/index.ts';
import { roundedSource } from '../sources/rounded.ts';
import type { Source } from '../sources/source.ts';
import { spooledSource } from '../sources/spooled.ts';

/** How a disk is made to fit the formats of a run. */
export interface PrepareOptions {
  readonly keepGpt?: boolean | undefined;
  readonly onWarning?: OnWarning | undefined;
  readonly signal: AbortSignal;
}

/**
 * The disk as every image of the run will hold it: of known size if a format asks for that, and of
 * a size that all of them can have. Takes over the source.
 */
export async function prepareSource(
  source: Source,
  formats: readonly Format[],
  { keepGpt, onWarning, signal }: PrepareOptions,
): Promise<Source> {
  const mustSpool = source.size === undefined && formats.some((format) => format.needsDiskSize);
  const disk = mustSpool ? await spooledSource(source, signal) : source;
  return roundedSource(disk, sizeMultiple(formats), { keepGpt, onWarning });
}

/**
 * What the disk size is a multiple of in every image of a run, in bytes. Each format's is a power
 * of two.
 */
export function sizeMultiple(formats: readonly Format[]): number {
  return Math.max(...formats.map((format) => format.sizeMultiple));
}
