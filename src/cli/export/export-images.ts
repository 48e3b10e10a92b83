import { encode, type EncodeResult } from '../../export/encode.ts';
import { compressionOf } from '../../export/encodings.ts';
import { warningsFor } from '../../inspect/warnings-for.ts';
import type { Source } from '../../sources/source.ts';
import { withChecksums } from './checksums.ts';
import type { ExportJob } from './export-job.ts';
import { openOutputs, type Outputs } from './outputs.ts';

/** Makes images of the whole disk that `open` opens. Throws a KexportError if no image was made. */
export async function exportImages(
  job: ExportJob,
  open: (job: ExportJob) => Promise<Source>,
): Promise<EncodeResult> {
  const { options, signal, onProgress, onWarning } = job;
  const { threads, compressor, keepGpt, keepGoing, verify } = options;
  const source = await open(job);
  const { plan, targets, checksums } = await openFor(source, job);
  return withChecksums(checksums, (onFinished) =>
    encode(source, targets, {
      ...compressionOf(options),
      ...{ threads, compressor, keepGpt, keepGoing, verify },
      identity: plan.identity,
      ...{ signal, onProgress, onWarning, onFinished },
    }),
  );
}

/** Prints the import warnings, and opens the outputs. Closes the source if it throws. */
async function openFor(
  source: Source,
  { disk, plan, options, signal, onWarning }: ExportJob,
): Promise<Outputs> {
  try {
    const hasOva = plan.outputs.some(({ format }) => format.name === 'ova');
    const firmware = options.firmware ?? (hasOva ? 'efi' : undefined);
    for (const warning of await warningsFor(source, { firmware })) onWarning(warning);
    const read = { name: source.origin ?? disk, size: source.size };
    return await openOutputs(plan, read, { ...options, signal });
  } catch (error) {
    await source.close();
    throw error;
  }
}
