import { existsSync, statSync } from 'node:fs';
import { extname } from 'node:path';
import { FORMATS, type FormatName } from '../../../formats/index.ts';
import { KexportError } from '../../errors.ts';
import { shellWord } from '../../host/shell-word.ts';
import { isRemote } from '../../remote/open-remote.ts';
import { mostSimilar } from '../command-line/most-similar.ts';
import { COMMANDS_OF_QEMU_IMG } from '../command-line/of-qemu-img.ts';
import { FORMAT_WORDS, parseFormats } from './parse-formats.ts';

/** The operands of an export. */
export interface Request {
  /** The formats as they were typed. */
  readonly list: string;
  readonly formats: readonly FormatName[];
  /** The disks in their order; none for the disk of this machine's root. */
  readonly sources: readonly string[];
  readonly outputDir: string | undefined;
  /** Name of the images if no option gives one; undefined for the date. */
  readonly name?: string | undefined;
}

/**
 * Parses `FORMATS [DISK ... [OUTDIR]]`, or in the order of kldload's script: `DISK FORMATS
 * [OUTDIR]`. `commandNames` are words that `first` may be a misspelling of. Throws a KexportError.
 */
export function parseRequest(
  operands: readonly string[],
  commandNames: readonly string[] = [],
): Request {
  const [first = '', second, ...rest] = operands;
  const formats = formatsIn(first);
  const swapped = second === undefined ? undefined : formatsIn(second);
  if (formats && swapped && second !== undefined && !existsSync(second)) {
    throw new KexportError('usage', `two lists of formats are given: ${first} and ${second}`, {
      hint: `write one list, without blanks: ${[...formats, ...swapped].join(',')}`,
    });
  }
  if (formats) return { list: first, formats, ...disksAndFolder(operands.slice(1)) };
  if (swapped && second !== undefined) {
    const [outputDir, ...others] = rest;
    checkFolder(outputDir, `several disks follow the formats: kexport ${second} DISK DISK`);
    if (others.length > 0) {
      throw new KexportError('usage', `unexpected argument "${others.join(' ')}"`, USAGE);
    }
    return { list: second, formats: swapped, sources: [first], outputDir };
  }
  throw second !== undefined && looksLikeDisk(first) && looksLikeDisk(second)
    ? noFormat(first, second)
    : unknownFormat(first, second, commandNames);
}

/** A folder at the end, here or in a store, is that of the images; a disk comes before it. */
function disksAndFolder(words: readonly string[]): Pick<Request, 'sources' | 'outputDir'> {
  const last = words.at(-1);
  if (words.length < 2 || last === undefined) return { sources: words, outputDir: undefined };
  if (isDirectory(last) || (isRemote(last) && last.endsWith('/'))) {
    return { sources: words.slice(0, -1), outputDir: last };
  }
  // A volume of ZFS need not have a file of its name.
  if (!existsSync(last) && last !== '-' && !isRemote(last) && !/^[^./][^/]*\//.test(last)) {
    throw new KexportError('usage', `${last} is neither a disk nor a folder for the images`, {
      hint: nameOfFile(last) ?? 'create the folder first, or check the name of the disk',
    });
  }
  return { sources: words, outputDir: undefined };
}

function isDirectory(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

const LIST = `one or several of ${Object.keys(FORMATS).join(',')}, or all`;
const USAGE = { hint: `kexport FORMATS DISK ...; FORMATS is ${LIST}` };

/** The formats of a list; undefined if it contains any other word. */
function formatsIn(list: string): readonly FormatName[] | undefined {
  const { formats, unknown } = parseFormats(list);
  return unknown.length === 0 && formats.length > 0 ? formats : undefined;
}

function noFormat(first: string, second: string): KexportError {
  const what = `no format is given: neither ${first} nor ${second} is one`;
  const [format] = existsSync(second) ? [] : (formatsIn(extname(second).slice(1)) ?? []);
  const hint = format && `kexport ${format} ${shellWord(first)} -o ${shellWord(second)}`;
  return new KexportError('usage', what, hint === undefined ? USAGE : { hint });
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
  const meant = similar === undefined ? `give ${LIST}` : `did you mean ${similar}?`;
  const ofQemuImg = kind === 'format' ? undefined : COMMANDS_OF_QEMU_IMG.get(word);
  return new KexportError('usage', what, { hint: ofQemuImg ?? meant });
}

/** Whether a word is not a misspelled format. */
function looksLikeDisk(word: string): boolean {
  return /[/.@]|^-$/.test(word) || existsSync(word);
}

function checkFolder(outputDir: string | undefined, hint: string): void {
  if (outputDir === undefined || isDirectory(outputDir)) return;
  const named = nameOfFile(outputDir);
  if (named === undefined && !existsSync(outputDir)) return;
  throw new KexportError('usage', `${outputDir} is not a folder for the images`, {
    hint: named ?? hint,
  });
}

/** A hint for the name of an image where that of its folder belongs. */
function nameOfFile(path: string): string | undefined {
  const extension = extname(path).slice(1).toLowerCase();
  const ends = Object.values(FORMATS).map((create) => create().extension.split('.').at(-1));
  if (!ends.includes(extension)) return undefined;
  return `to say what the image is called: -o ${shellWord(path)}`;
}
