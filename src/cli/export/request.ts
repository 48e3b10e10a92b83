import { existsSync, statSync } from 'node:fs';
import { FORMATS, type FormatName } from '../../../formats/index.ts';
import { KexportError } from '../../errors.ts';
import { shellWord } from '../../host/shell-word.ts';
import { mostSimilar } from '../command-line/most-similar.ts';
import { FORMAT_WORDS, parseFormats } from './parse-formats.ts';

/** The operands of an export. */
export interface Request {
  /** The formats as they were typed. */
  readonly list: string;
  readonly formats: readonly FormatName[];
  /** Undefined for the disk of this machine's root. */
  readonly source: string | undefined;
  readonly outputDir: string | undefined;
  /** Name of the images if no option gives one; undefined for the date. */
  readonly name?: string | undefined;
}

/**
 * Parses `FORMATS [DISK [OUTDIR]]`, or in the order of kldload's script: `DISK FORMATS [OUTDIR]`.
 * `commandNames` are words that `first` may be a misspelling of. Throws a KexportError.
 */
export function parseRequest(
  [first = '', second, outputDir]: readonly string[],
  commandNames: readonly string[] = [],
): Request {
  checkFolder(outputDir);
  const formats = formatsIn(first);
  const swapped = second === undefined ? undefined : formatsIn(second);
  if (formats && swapped && second !== undefined && !existsSync(second)) {
    throw new KexportError('usage', `two lists of formats are given: ${first} and ${second}`, {
      hint: `write one list, without blanks: ${[...formats, ...swapped].join(',')}`,
    });
  }
  if (formats) return { list: first, formats, source: second, outputDir };
  if (swapped && second !== undefined) {
    return { list: second, formats: swapped, source: first, outputDir };
  }
  throw second !== undefined && looksLikeDisk(first) && looksLikeDisk(second)
    ? new KexportError('usage', `no format is given: neither ${first} nor ${second} is one`, USAGE)
    : unknownFormat(first, second, commandNames);
}

const LIST = `one or several of ${Object.keys(FORMATS).join(',')}, or all`;
const USAGE = { hint: `kexport FORMATS DISK; FORMATS is ${LIST}` };

/** The formats of a list; undefined if it contains any other word. */
function formatsIn(list: string): readonly FormatName[] | undefined {
  const { formats, unknown } = parseFormats(list);
  return unknown.length === 0 && formats.length > 0 ? formats : undefined;
}

function unknownFormat(
  first: string,
  second: string | undefined,
  commandNames: readonly string[],
): KexportError {
  const list = second !== undefined && looksLikeDisk(first) ? second : first;
  const { formats, unknown } = parseFormats(list);
  const [word = list] = unknown;
  if (second === undefined && formats.length === 0 && looksLikeDisk(first)) {
    const hint = `kexport all ${shellWord(first)}; FORMATS is ${LIST}`;
    return new KexportError('usage', `no format is given for ${first}`, { hint });
  }
  const others = commandNames.filter((name) => name !== word); // after -- it is not a command
  const isList = formats.length + unknown.length > 1;
  const similar = mostSimilar(word, isList ? FORMAT_WORDS : [...FORMAT_WORDS, ...others]);
  const kind = isList || commandNames.length === 0 ? 'format' : 'format or command';
  const what = `unknown ${kind} "${word}"${isList ? ` in ${list}` : ''}`;
  const hint = similar === undefined ? `give ${LIST}` : `did you mean ${similar}?`;
  return new KexportError('usage', what, { hint });
}

/** Whether a word is not a misspelled format. */
function looksLikeDisk(word: string): boolean {
  return /[/.@]|^-$/.test(word) || existsSync(word);
}

/** The third operand is a file if a shell expanded `*.raw`, or if the user named two disks. */
function checkFolder(outputDir: string | undefined): void {
  if (outputDir === undefined) return;
  const found = statSync(outputDir, { throwIfNoEntry: false });
  if (!found || found.isDirectory()) return;
  throw new KexportError('usage', `${outputDir} is not a folder for the images`, {
    hint: 'one disk is exported at a time',
  });
}
