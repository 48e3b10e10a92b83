import { dirname, relative, resolve } from 'node:path';
import { KexportError } from '../../errors.ts';
import { zlibLevelOf } from '../../export/encodings.ts';
import { encodeOverlay } from '../../export/overlay.ts';
import { inspectBackingFile } from '../../images/backing-file.ts';
import { rateLimit } from '../../sources/rate-limit.ts';
import type { SentChanges } from '../../zfs-send/changes.ts';
import { openChanges } from '../../open/open-source.ts';
import { withChecksums } from './checksums.ts';
import type { ExportResult } from './export-images.ts';
import type { ExportJob } from './export-job.ts';
import { modeOfImages } from './mode-of-images.ts';
import { openOutputs, sumsOf } from './outputs.ts';
import { sentChoice } from './source-options.ts';

/**
 * Makes an overlay on --backing-file with the changes of an incremental send stream. Throws a
 * KexportError.
 */
export async function exportOverlay(job: ExportJob): Promise<ExportResult> {
  const { disks, plan, options, signal, onProgress, onWarning } = job;
  const name = disks[0]?.path ?? ''; // an increment is of one disk
  const [output, ...others] = plan.outputs;
  if (output?.format.name !== 'qcow2' || others.length > 0) {
    throw new KexportError('usage', '--backing-file is for qcow2 alone: only qcow2 has overlays', {
      hint: '--flatten writes the whole disk in any format',
    });
  }
  const { backingFile = '', compressor, optimize, size, threads } = options;
  await inspectBackingFile(backingFile); // before waiting for a pipe
  const { connections, endpoint } = options;
  const changes = await openChanges(name, {
    ...sentChoice(options),
    connections,
    endpoint,
    signal,
  });
  const disk = { name, size: undefined };
  const fileMode = await modeOfImages([name], options);
  const opening = openOutputs(plan, [disk], { ...options, signal, onWarning, fileMode });
  const { checksums, hashed, targets } = await opening.catch(async (error: unknown) => {
    await changes.close();
    throw error;
  });
  const { sink } = targets[0]![0]!; // the one output
  const { failures, ...made } = await withChecksums(checksums, (steps) =>
    encodeOverlay(limited(changes, options.limitRate), sink, {
      ...{ compressor, optimize, size, threads, backingFile },
      backingName: nameFrom(output.path, backingFile),
      level: zlibLevelOf(options.level),
      ...{ signal, onProgress },
      ...steps,
    }),
  );
  return { disks: [made], machines: [], failures, sha256: sumsOf(hashed), fileMode };
}

/** The same changes, at most so many bytes of them a second. */
function limited(changes: SentChanges, bytesPerSecond: number | undefined): SentChanges {
  if (bytesPerSecond === undefined) return changes;
  const limit = rateLimit(bytesPerSecond);
  const { layer } = changes;
  const next: typeof layer.next = async (signal) => {
    const piece = await layer.next(signal);
    if (piece?.read) await limit(piece.length, signal);
    return piece;
  };
  return {
    ...changes,
    layer: {
      get size() {
        return layer.size;
      },
      next,
    },
  };
}

/**
 * The path of a backing file as the image names it: from the folder of the image, so that both can
 * be moved together.
 */
function nameFrom(image: string, backing: string): string {
  if (image === '-') return resolve(backing);
  return relative(resolve(dirname(image)), resolve(backing));
}
