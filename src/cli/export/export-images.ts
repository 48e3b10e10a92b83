import { encode, type EncodeResult } from '../../export/encode.ts';
import { compressionOf } from '../../export/encodings.ts';
import { warningsFor } from '../../inspect/warnings-for.ts';
import { shownName } from '../../remote/open-remote.ts';
import { limitedSource } from '../../sources/rate-limit.ts';
import type { Source } from '../../sources/source.ts';
import { withChecksums } from './checksums.ts';
import type { ExportJob } from './export-job.ts';
import { detail } from '../command-line/messages.ts';
import { describeSource } from '../print/source.ts';
import { placesOf, spaceWarnings } from './space.ts';
import { importTarget } from './import-target.ts';
import { modeOfImages } from './mode-of-images.ts';
import { openOutputs, type Outputs, sumsOf } from './outputs.ts';

/** What became of an export. */
export interface ExportResult extends EncodeResult {
  /** SHA-256 of the images that were hashed, in hexadecimal digits, by their names. */
  readonly sha256: ReadonlyMap<string, string>;
  /** Permissions that the images got; undefined for those that the umask left. */
  readonly fileMode: number | undefined;
}

/** Makes images of the whole disk that `open` opens. Throws a KexportError if no image was made. */
export async function exportImages(
  job: ExportJob,
  open: (job: ExportJob) => Promise<Source>,
): Promise<ExportResult> {
  const { options, signal, onProgress, onWarning } = job;
  const { threads, compressor, keepGpt, keepGoing, verify } = options;
  const opened = await open(job);
  const { limitRate } = options;
  const source = limitRate === undefined ? opened : limitedSource(opened, limitRate);
  const { plan, targets, bmap, hashed, checksums, fileMode } = await openFor(source, job);
  const result = await withChecksums(checksums, (steps) =>
    encode(source, targets, {
      ...compressionOf(options),
      ...{ threads, compressor, keepGpt, keepGoing, verify },
      identity: plan.identity,
      bmap,
      ...{ signal, onProgress, onWarning },
      ...steps,
    }),
  );
  return { ...result, sha256: sumsOf(hashed), fileMode };
}

/** Prints the import warnings, and opens the outputs. Closes the source if it throws. */
async function openFor(
  source: Source,
  { disk, plan, options, signal, onWarning }: ExportJob,
): Promise<Outputs> {
  try {
    detail(describeSource(source, shownName(disk)));
    for (const warning of await warningsFor(source, importTarget(plan, options)))
      onWarning(warning);
    for (const warning of spaceWarnings(await placesOf(plan), source)) onWarning(warning);
    const read = { name: source.origin ?? disk, size: source.size };
    const fileMode = await modeOfImages(disk, options);
    return await openOutputs(plan, read, { ...options, signal, onWarning, fileMode });
  } catch (error) {
    await source.close();
    throw error;
  }
}
