import { ALL_FORMATS, FORMATS, type FormatName } from '../../formats/index.ts';
import { KexportError } from '../errors.ts';

/** What the words of the command line ask for. */
export interface Request {
  readonly formats: readonly FormatName[];
  /** Undefined for this machine. */
  readonly source: string | undefined;
  readonly outputDir: string | undefined;
}

/** `FORMATS [SOURCE [OUTDIR]]`, or in the order of kldload's script: `SOURCE FORMATS [OUTDIR]`. */
export function parseRequest(words: readonly string[]): Request {
  const [first, second, outputDir] = words;
  if (first === undefined) throw new KexportError('usage', 'no format and no disk given', TRY_HELP);
  const formats = parseFormats(first);
  if (formats) {
    return { formats, source: second, outputDir };
  }
  const swapped = second === undefined ? undefined : parseFormats(second);
  if (swapped) return { formats: swapped, source: first, outputDir };
  throw new KexportError('usage', `unknown format "${first}"`, {
    hint: `one or several of ${Object.keys(FORMATS).join(',')}, or all`,
  });
}

const TRY_HELP = { hint: 'see kexport --help' };

/** The formats of a list such as `qcow2,raw`; undefined if one of them is none. */
function parseFormats(list: string): FormatName[] | undefined {
  const names = Object.keys(FORMATS) as FormatName[];
  const formats = new Set<FormatName>();
  for (const word of list.split(',')) {
    if (word === 'all') ALL_FORMATS.forEach((name) => formats.add(name));
    else if (names.includes(word as FormatName)) formats.add(word as FormatName);
    else return undefined;
  }
  return [...formats];
}
