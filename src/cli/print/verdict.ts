import type { Verdict } from '../../images/verify.ts';
import type { SentVerdict } from '../../open/sent-verdict.ts';
import type { Options } from '../options/options.ts';
import { paint } from './color.ts';
import { jsonText } from './lines.ts';
import { notOpenedText } from './not-opened.ts';
import { printable } from './printable.ts';

/** The result for an image or a zfs send stream. */
export type StreamVerdict = Verdict & Partial<SentVerdict>;

/** How many snapshots one line names. */
const MAX_NAMES = 5;

export function isSound({ problemCount, differsAt }: Verdict): boolean {
  return problemCount === 0 && differsAt === undefined;
}

/** The output of `kexport verify --json`. */
export function verdictJson(file: string, verdict: StreamVerdict): string {
  return jsonText({ file, sound: isSound(verdict), ...verdict });
}

/**
 * The output of `kexport verify`; with --quiet only the problems. If it is about one image of
 * several, each line names the image.
 */
export function verdictText(
  file: string,
  verdict: StreamVerdict,
  {
    against: other = '',
    quiet,
    isOne,
  }: Pick<Options, 'against' | 'quiet'> & { readonly isOne: boolean },
): string {
  const { problems, problemCount, diskSize, otherSize, differsAt } = verdict;
  const [path, against] = [printable(file), printable(other)];
  const wrong = problems.map(
    ({ severity, message }) => `${paint('stdout', 'red', `${severity}:`)} ${printable(message)}`,
  );
  if (problemCount > problems.length) wrong.push(`and ${problemCount - problems.length} more`);
  if (differsAt !== undefined) {
    wrong.push(
      `${paint('stdout', 'red', 'error:')} the disk differs from ${against} at byte ${differsAt}`,
    );
  }
  const lines = wrong.map((line) => (isOne ? line : `${path}: ${line}`));
  if (isSound(verdict) && !quiet) {
    lines.push(`${path}: ${paint('stdout', 'green', 'sound')}${soundText(verdict, against)}`);
    if (otherSize !== undefined && otherSize !== diskSize) {
      lines.push(lengthsText(path, against, verdict));
    }
  }
  return lines.map((line) => `${line}\n`).join('');
}

/** Of two disks of different length that are the same. */
function lengthsText(
  path: string,
  against: string,
  { diskSize = 0, otherSize = 0, comparedSize }: StreamVerdict,
): string {
  return comparedSize === undefined || comparedSize >= diskSize
    ? `${against} has ${otherSize} bytes; the longer of the two ends in zeros`
    : `the ${diskSize - comparedSize} bytes after it on ${path} were not compared`;
}

/** How much of a sound image was read, and that it equals another. */
export function soundText(verdict: StreamVerdict, against: string): string {
  const same = against === '' ? '' : `, and the same disk as ${against}`;
  return readText(verdict) + same;
}

/** How much of a sound image was read. */
function readText({ diskSize, diskCount, notOpened, streams }: StreamVerdict): string {
  if (notOpened.length > 0) return ` by itself: ${notOpenedText(notOpened)}`;
  if (streams) return `, ${streamsText(streams)}`;
  const what = diskCount === undefined ? 'the disk' : `its ${diskCount} disks`;
  const read = diskSize === undefined ? 'every block' : `all ${diskSize} bytes of ${what}`;
  return `, ${read} can be read`;
}

function streamsText(streams: NonNullable<SentVerdict['streams']>): string {
  const names = printable(streams.map(({ snapshot }) => snapshot).join(', '));
  const many = streams.length > MAX_NAMES;
  const whole = many ? `all ${streams.length} streams` : `all of the stream of ${names}`;
  const [first] = streams;
  return first && streams.every(({ refusal }) => refusal !== undefined)
    ? `${whole} can be read, but no disk can be made of it: ${first.refusal ?? ''}`
    : `${whole} can be read`;
}
