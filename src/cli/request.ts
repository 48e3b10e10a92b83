import { ALL_FORMATS, FORMATS, type FormatName } from '../../formats/index.ts';
import { KexportError } from '../errors.ts';
import type { SourceOptions } from '../open/source-options.ts';
import type { ThisMachineOptions } from './this-machine.ts';

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

/** What the command line says of a disk, as far as it decides on whose it is. */
export type DiskOptions = ThisMachineOptions &
  Pick<
    SourceOptions,
    'size' | 'from' | 'archiveDisk' | 'volume' | 'readHoles' | 'liveInconsistent'
  > & {
    readonly snapshot?: string | boolean;
    readonly backing?: string | boolean;
  };

/**
 * Whether the disk of this machine is meant: none is named, or with --disk. Throws a KexportError for options that make no sense
 * then.
 */
export function meansThisMachine(source: string | undefined, options: DiskOptions): boolean {
  if (source === undefined) {
    const given = firstGiven({
      '--size': options.size,
      '--from': options.from,
      '--backing': options.backing,
      '--archive-disk': options.archiveDisk,
      '--read-holes': options.readHoles,
      [options.snapshot === false ? '--no-snapshot' : '--snapshot']: options.snapshot,
      '--volume': options.volume,
      '--live-inconsistent': options.liveInconsistent,
    });
    if (given === undefined) return true;
    throw new KexportError('usage', `${given} is for a disk that is named, and none is`, {
      hint: 'without one, the disk of this machine is exported; kexport sources lists what there is',
    });
  }
  const { disk, dryRun, keepIntentLog, maxHold, includeSwap, allSectors } = options;
  if (disk !== undefined) {
    throw new KexportError('usage', `two disks are named: ${source} and ${disk}`);
  }
  const given = firstGiven({
    '--dry-run': dryRun,
    '--keep-intent-log': keepIntentLog,
    '--max-hold': maxHold,
    '--include-swap': includeSwap,
    '--all-sectors': allSectors,
  });
  if (given === undefined) return false;
  throw new KexportError('usage', `${given} is for the disk of this machine, not ${source}`, {
    hint: `--disk ${source}, if a pool on it is in use here`,
  });
}

/** The first of the options that has a value. */
function firstGiven(options: Readonly<Record<string, unknown>>): string | undefined {
  return Object.entries(options).find(([, value]) => value !== undefined)?.[0];
}
