import type { FormatName } from '../../../formats/index.ts';
import { KexportError, type OnWarning, type Warning } from '../../errors.ts';
import type { CompareOptions } from '../../images/compare-disks.ts';
import { openImageFile } from '../../images/open-image-file.ts';
import { verifyImageFiles, verifySource } from '../../images/verify.ts';
import { openSource } from '../../open/open-source.ts';
import { streamKind } from '../../open/stream-kind.ts';
import { watchedFiles } from '../../open/watched-files.ts';
import { shownName } from '../../remote/open-remote.ts';
import type { Progress } from '../../sources/progress.ts';
import type { Source } from '../../sources/source.ts';
import type { Run } from '../command-line/program.ts';
import { EXIT_FAILURE } from '../command-line/report-error.ts';
import { sayWarning } from '../command-line/say-warning.ts';
import { abortOnSignals } from '../command-line/signals.ts';
import { checkDiskChoice } from '../options/check-disk-choice.ts';
import type { Options } from '../options/options.ts';
import { progressDisplay } from '../print/progress.ts';
import { isSound, type StreamVerdict, verdictJson, verdictText } from '../print/verdict.ts';
import { answerEach } from './answer-each.ts';

/**
 * Not EXIT_FAILURE, so that a script can distinguish a file that cannot be read from a damaged one.
 */
const EXIT_UNREADABLE = 3;

/** Checks images, and compares their disks with --against. */
export const run: Run = async (paths, options) => {
  if (options.againstFrom !== undefined && options.against === undefined) {
    throw new KexportError('usage', '--against-from needs --against');
  }
  const isOne = paths.length === 1;
  return answerEach(
    paths,
    async (path) => {
      const verdict = await verifyWithProgress(path, options);
      const text = options.json
        ? verdictJson(shownName(path), verdict)
        : verdictText(shownName(path), verdict, { ...options, isOne });
      return { text, status: isSound(verdict) ? 0 : EXIT_FAILURE };
    },
    { unreadable: EXIT_UNREADABLE, json: options.json },
  );
};

/** What each run takes. */
interface Running extends CompareOptions {
  readonly onWarning: OnWarning;
}

async function verifyWithProgress(path: string, options: Options): Promise<StreamVerdict> {
  const progress = await progressDisplay(options.quiet ?? false);
  const onProgress = (state: Progress) => progress.update(state);
  const onWarning = (warning: Warning) => sayWarning(progress, warning);
  try {
    return await abortOnSignals((signal) =>
      verify(path, options, { signal, onProgress, onWarning }),
    );
  } finally {
    progress.done();
  }
}

async function verify(
  path: string,
  options: Options,
  { onWarning, ...running }: Running,
): Promise<StreamVerdict> {
  const { against: name, againstFrom, allowBacking, threads, from } = options;
  const takeSnapshot = !options.noSnapshot;
  const { add: onOpen } = watchedFiles({ takeSnapshot, onWarning });
  const { connections, endpoint } = options;
  checkDiskChoice(shownName(path), options);
  const kind = await streamKind(path, from, { connections, endpoint, signal: running.signal });
  if (kind === 'zfs-send') {
    const { verifySent } = await import('../../open/verify-stream.ts');
    return verifySent(path, { ...running, against: name, againstFrom, connections, endpoint });
  }
  const image = kind
    ? await openSource(path, {
        from: kind,
        takeSnapshot: false,
        connections,
        endpoint,
        signal: running.signal,
      })
    : await openImageFile(path, {
        from: from as FormatName | undefined, // the others are of a kind
        allowBacking,
        alone: !allowBacking && name === undefined,
        ovaDisk: options.ovaDisk,
        internalSnapshot: options.internalSnapshot,
        connections,
        endpoint,
        signal: running.signal,
        onOpen,
      });
  let against: Source | undefined;
  try {
    if (name !== undefined)
      against = await openSource(name, {
        from: againstFrom,
        allowBacking,
        takeSnapshot,
        onWarning,
        threads,
        connections,
        endpoint,
        signal: running.signal,
      });
  } catch (error) {
    await image.close();
    throw error;
  }
  const how = { ...running, against, threads };
  return 'reader' in image ? verifyImageFiles(image, how) : verifySource(image, how);
}
