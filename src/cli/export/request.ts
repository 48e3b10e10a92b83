import { ALL_FORMATS, FORMATS, type FormatName } from '../../../formats/index.ts';
import { KexportError } from '../../errors.ts';

/** What the operands of an export ask for. */
export interface Request {
  readonly formats: readonly FormatName[];
  /** Undefined for the disk of this machine's root. */
  readonly source: string | undefined;
  readonly outputDir: string | undefined;
}

/**
 * Parses `FORMATS [DISK [OUTDIR]]`, or in the order of kldload's script: `DISK FORMATS [OUTDIR]`.
 */
export function parseRequest([first = '', second, outputDir]: readonly string[]): Request {
  const formats = parseFormats(first);
  if (formats) return { formats, source: second, outputDir };
  const swapped = second === undefined ? undefined : parseFormats(second);
  if (swapped) return { formats: swapped, source: first, outputDir };
  throw new KexportError('usage', `unknown format "${first}"`, {
    hint: `give one or several of ${Object.keys(FORMATS).join(',')}, or all`,
  });
}

/** The formats of a list such as `qcow2,raw`; undefined if it has anything else. */
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
