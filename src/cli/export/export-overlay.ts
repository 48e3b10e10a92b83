import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { KexportError } from '../../errors.ts';
import type { EncodeResult } from '../../export/encode.ts';
import { zlibLevelOf } from '../../export/encodings.ts';
import { encodeOverlay } from '../../export/overlay.ts';
import { inspectBackingFile } from '../../images/backing-file.ts';
import { openChanges } from '../../open/open-source.ts';
import { withChecksums } from './checksums.ts';
import type { ExportJob } from './export-job.ts';
import { openOutputs } from './outputs.ts';
import { sentChoice } from './source-options.ts';

/**
 * Makes an overlay on --backing-file with the changes of an incremental send stream. Throws a
 * KexportError.
 */
export async function exportOverlay(job: ExportJob): Promise<EncodeResult> {
  const { disk: name, plan, options, signal, onProgress } = job;
  const [output, ...others] = plan.outputs;
  if (output?.format.name !== 'qcow2' || others.length > 0) {
    throw new KexportError('usage', '--backing-file is for qcow2 alone: only qcow2 has overlays', {
      hint: '--flatten writes the whole disk in any format',
    });
  }
  const { backingFile = '', compressor, optimize, size, threads } = options;
  await inspectBackingFile(backingFile); // before waiting for a pipe
  const changes = await openChanges(name, { ...sentChoice(options), signal });
  const disk = { name, size: undefined };
  const opening = openOutputs(plan, disk, { ...options, signal });
  const { checksums, targets } = await opening.catch(async (error: unknown) => {
    await changes.close();
    throw error;
  });
  const { sink } = targets[0]!; // the one output
  return withChecksums(checksums, (onFinished) =>
    encodeOverlay(changes, sink, {
      ...{ compressor, optimize, size, threads, backingFile },
      backingName: nameFrom(output.path, backingFile),
      level: zlibLevelOf(options.level),
      ...{ signal, onProgress, onFinished },
    }),
  );
}

/** The path of a backing file as the image names it: from the folder of the image. */
function nameFrom(image: string, backing: string): string {
  if (isAbsolute(backing) || image === '-') return resolve(backing);
  return relative(resolve(dirname(image)), resolve(backing));
}
