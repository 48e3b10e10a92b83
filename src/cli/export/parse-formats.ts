import { ALL_FORMATS, FORMATS, type FormatName } from '../../../formats/index.ts';

const NAMES = Object.keys(FORMATS) as FormatName[];

/** Names of formats in QEMU and other programs. */
const ALIASES: Readonly<Record<string, FormatName>> = { img: 'raw', vpc: 'vhd' };

/** Every word of a list of formats. */
export const FORMAT_WORDS: readonly string[] = [...NAMES, ...Object.keys(ALIASES), 'all'];

/** A parsed list such as `qcow2,raw`. */
export interface FormatList {
  readonly formats: readonly FormatName[];
  /** Its words that are not formats. */
  readonly unknown: readonly string[];
}

/** Parses a list of formats in any letter case, separated by commas or blanks. */
export function parseFormats(list: string): FormatList {
  const formats = new Set<FormatName>();
  const unknown: string[] = [];
  for (const word of list.split(/[\s,]+/).filter((item) => item !== '')) {
    const lower = word.toLowerCase();
    const name = ALIASES[lower] ?? NAMES.find((one) => one === lower);
    if (lower === 'all') ALL_FORMATS.forEach((one) => formats.add(one));
    else if (name) withDescribed(name).forEach((one) => formats.add(one));
    else unknown.push(word);
  }
  return { formats: [...formats], unknown };
}

/** A format, after the one that it is imported with. */
function withDescribed(name: FormatName): FormatName[] {
  const { describes } = FORMATS[name]();
  return [...NAMES.filter((one) => one === describes), name];
}
