import { encode, type EncodeResult } from '../../export/encode.ts';
import { compressionOf } from '../../export/encodings.ts';
import { warningsFor } from '../../inspect/warnings-for.ts';
import type { Source } from '../../sources/source.ts';
import { writeChecksums } from './checksums.ts';
import type { ExportJob } from './export-job.ts';
import { openOutputs, type Outputs } from './outputs.ts';

/** Makes images of a whole disk, which `open` opens. Throws a KexportError if no image was made. */
export async function exportImages(
  job: ExportJob,
  open: (job: ExportJob) => Promise<Source>,
): Promise<EncodeResult> {
  const { plan, options, signal, onProgress, onWarning } = job;
  const { threads, compressor, keepGpt, keepGoing, verify } = options;
  const source = await open(job);
  const outputs = await openFor(source, job);
  try {
    const result = await encode(source, outputs.targets, {
      ...compressionOf(options),
      ...{ threads, compressor, keepGpt, keepGoing, verify },
      identity: plan.identity,
      signal,
      onProgress,
      onWarning,
      onFinished: () => writeChecksums(outputs),
    });
    await outputs.checksums?.sink.commit();
    return result;
  } catch (error) {
    await outputs.checksums?.sink.discard();
    throw error;
  }
}

/**
 * Warns of what is known to fail at import, and opens the outputs. Closes the source if it throws.
 */
async function openFor(
  source: Source,
  { disk, plan, options, signal, onWarning }: ExportJob,
): Promise<Outputs> {
  try {
    const hasOva = plan.outputs.some(({ format }) => format.name === 'ova');
    const firmware = options.firmware ?? (hasOva ? 'efi' : undefined);
    for (const warning of await warningsFor(source, { firmware })) onWarning(warning);
    return await openOutputs(plan, source.origin ?? disk, source, { ...options, signal });
  } catch (error) {
    await source.close();
    throw error;
  }
}
