import type { FormatName } from '../../../formats/index.ts';
import { KexportError } from '../../errors.ts';
import type { CompareOptions } from '../../images/compare-disks.ts';
import { openImageFile } from '../../images/open-image-file.ts';
import { verifyImageFiles, verifySource } from '../../images/verify.ts';
import { openSource } from '../../open/open-source.ts';
import { streamKind } from '../../open/stream-kind.ts';
import type { Source } from '../../sources/source.ts';
import { print } from '../command-line/print.ts';
import type { Run } from '../command-line/program.ts';
import { EXIT_FAILURE, reportError } from '../command-line/report-error.ts';
import { abortOnSignals } from '../command-line/signals.ts';
import { checkOvaDisk } from '../options/check-ova-disk.ts';
import type { Options } from '../options/options.ts';
import { progressDisplay } from '../print/progress.ts';
import { isSound, type StreamVerdict, verdictJson, verdictText } from '../print/verdict.ts';

/**
 * Not EXIT_FAILURE, so that a script can tell a file that cannot be read from one that is wrong.
 */
const EXIT_UNREADABLE = 3;

/** Checks an image, and compares its disk with --against. */
export const run: Run = async ([path = ''], options) => {
  if (options.againstFrom !== undefined && options.against === undefined) {
    throw new KexportError('usage', '--against-from needs --against');
  }
  let verdict: StreamVerdict;
  try {
    verdict = await verifyWithProgress(path, options);
  } catch (error) {
    const status = reportError(error);
    const unreadable = error instanceof KexportError && !['usage', 'aborted'].includes(error.code);
    return unreadable ? EXIT_UNREADABLE : status;
  }
  await print(options.json ? verdictJson(path, verdict) : verdictText(path, verdict, options));
  return isSound(verdict) ? 0 : EXIT_FAILURE;
};

async function verifyWithProgress(path: string, options: Options): Promise<StreamVerdict> {
  const stop = abortOnSignals();
  const progress = await progressDisplay(options.quiet ?? false);
  try {
    return await verify(path, options, {
      signal: stop.signal,
      onProgress: (state) => progress.update(state),
    });
  } finally {
    progress.done();
    stop.release();
  }
}

async function verify(
  path: string,
  options: Options,
  running: CompareOptions,
): Promise<StreamVerdict> {
  const { against: name, againstFrom, allowBacking, threads, from } = options;
  checkOvaDisk(path, options);
  const kind = await streamKind(path, from);
  if (kind === 'zfs-send') {
    const { verifySent } = await import('../../open/verify-stream.ts');
    return verifySent(path, { ...running, against: name, againstFrom });
  }
  const image = kind
    ? await openSource(path, { from: kind, takeSnapshot: false, signal: running.signal })
    : await openImageFile(path, {
        from: from as FormatName | undefined, // the others are of a kind
        allowBacking,
        alone: !allowBacking && name === undefined,
        archiveDisk: options.ovaDisk,
      });
  let against: Source | undefined;
  try {
    if (name !== undefined)
      against = await openSource(name, { from: againstFrom, allowBacking, threads });
  } catch (error) {
    await image.close();
    throw error;
  }
  const how = { ...running, against, threads };
  return 'reader' in image ? verifyImageFiles(image, how) : verifySource(image, how);
}
