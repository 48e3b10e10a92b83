import { type Command, Option } from 'commander';
import type { FormatName } from '../../formats/index.ts';
import { KexportError } from '../errors.ts';
import { openImageFile } from '../images/open-image-file.ts';
import {
  type Verdict,
  verifyImageFiles,
  type VerifyOptions,
  verifySource,
} from '../images/verify.ts';
import { openSource } from '../open/open-source.ts';
import type { Source } from '../sources/source.ts';
import { streamKind } from '../open/stream-kind.ts';
import { EXIT_FAILURE, reportError } from './exit.ts';
import { notOpenedText } from './lines.ts';
import { FROM_ALL, threadsOption } from './options.ts';
import { progressDisplay } from './progress.ts';
import { abortOnSignals } from './signals.ts';
import type { SentVerdict } from '../open/verify-stream.ts';
import type { FromFormat } from '../open/source-options.ts';

interface VerifyCommandOptions {
  readonly against?: string;
  readonly from?: FromFormat;
  readonly againstFrom?: FromFormat;
  readonly backing?: boolean;
  readonly archiveDisk?: string;
  readonly threads?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** As for `qemu-img check` and `cmp`, a file that cannot be read is told from one that is wrong. */
const EXIT_UNREADABLE = 3;

/** Of snapshots, that are told in one line. */
const MAX_NAMES = 5;

export function describe(command: Command): Command {
  return command
    .argument(
      '<image>',
      'an image, by its name or --from, or a zfs send stream (- for standard input)',
    )
    .option('--against <disk>', 'a disk or an image that it must hold, byte for byte')
    .addOption(new Option('--from <format>', 'what the image is').choices(FROM_ALL))
    .addOption(new Option('--against-from <format>', 'what the other is').choices(FROM_ALL))
    .option('--backing', "open the files in an image's folder that it names")
    .option('--archive-disk <name>', 'of an archive with several disks (default: the first)')
    .addOption(threadsOption())
    .option('--json', 'the answer as JSON')
    .option('-q, --quiet', 'no progress; problems only');
}

/** 0: all is well; 1: something is wrong with the image; 3: it, or the disk to compare with, cannot be read. */
export async function run(command: Command): Promise<number> {
  const [path = ''] = command.args;
  const options = command.opts<VerifyCommandOptions>();
  const stop = abortOnSignals();
  const progress = await progressDisplay(options.quiet ?? false);
  try {
    const verdict = await verify(path, options, {
      signal: stop.signal,
      onProgress: (state) => progress.update(state),
    });
    progress.done();
    process.stdout.write(options.json ? jsonOf(path, verdict) : textOf(path, verdict, options));
    return isSound(verdict) ? 0 : EXIT_FAILURE;
  } catch (error) {
    progress.done();
    const status = reportError(error);
    const unreadable = error instanceof KexportError && !['usage', 'aborted'].includes(error.code);
    return unreadable ? EXIT_UNREADABLE : status;
  } finally {
    stop.release();
  }
}

type Running = Pick<VerifyOptions, 'signal' | 'onProgress'>;

async function verify(
  path: string,
  options: VerifyCommandOptions,
  running: Running,
): Promise<Verdict & Partial<SentVerdict>> {
  const { against: name, backing, threads, from } = options;
  const kind = await streamKind(path, from);
  if (kind === 'zfs-send') {
    const { verifySent } = await import('../open/verify-stream.ts');
    return verifySent(path, { ...running, against: name, againstFrom: options.againstFrom });
  }
  const image = kind
    ? await openSource(path, { from: kind, takeSnapshot: false, signal: running.signal })
    : await openImageFile(path, {
        from: from as FormatName | undefined, // else it is of a kind
        allowBacking: backing,
        alone: !backing && name === undefined,
        archiveDisk: options.archiveDisk,
      });
  let against: Source | undefined;
  try {
    if (name !== undefined) {
      against = await openSource(name, {
        from: options.againstFrom,
        allowBacking: backing,
        threads,
      });
    }
  } catch (error) {
    await image.close();
    throw error;
  }
  const how = { ...running, against, threads };
  return 'reader' in image ? verifyImageFiles(image, how) : verifySource(image, how);
}

function isSound({ problemCount, differsAt }: Verdict): boolean {
  return problemCount === 0 && differsAt === undefined;
}

function textOf(
  path: string,
  verdict: Verdict & Partial<SentVerdict>,
  { against, quiet }: VerifyCommandOptions,
): string {
  const { problems, problemCount, diskSize, otherSize, differsAt } = verdict;
  const lines = problems.map(({ severity, message }) => `${severity}: ${message}`);
  if (problemCount > problems.length) lines.push(`and ${problemCount - problems.length} more`);
  if (differsAt !== undefined) {
    lines.push(`error: the disk differs from ${against ?? ''} from byte ${differsAt} on`);
  }
  if (isSound(verdict) && !quiet) {
    const same = against === undefined ? '' : `, and the disk is that of ${against}`;
    lines.push(`${path}: sound${readText(verdict)}${same}`);
    if (otherSize !== undefined && otherSize !== diskSize) {
      lines.push(`${against ?? ''} has ${otherSize} bytes; what is longer ends in zeros`);
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** What was read of what is sound. */
function readText({ diskSize, notOpened, streams }: Verdict & Partial<SentVerdict>): string {
  if (notOpened.length > 0) return ` by itself: ${notOpenedText(notOpened)}`;
  if (streams) return `, ${streamsText(streams)}`;
  const read = diskSize === undefined ? 'every block' : `all ${diskSize} bytes of the disk`;
  return `, ${read} can be read`;
}

function streamsText(streams: NonNullable<SentVerdict['streams']>): string {
  const names = streams.map(({ snapshot }) => snapshot).join(', ');
  const many = streams.length > MAX_NAMES;
  const whole = many ? `all ${streams.length} streams` : `all of the stream of ${names}`;
  return streams.some(({ kind }) => kind === 'volume')
    ? `${whole}, every block of which can be read`
    : `${whole}, of file systems: no disk is in it`;
}

function jsonOf(file: string, verdict: Verdict & Partial<SentVerdict>): string {
  return `${JSON.stringify({ file, sound: isSound(verdict), ...verdict }, undefined, 2)}\n`;
}
