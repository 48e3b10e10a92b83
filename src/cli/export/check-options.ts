import { KexportError } from '../../errors.ts';
import { checkDiskChoice } from '../options/check-disk-choice.ts';
import { longForm, type OptionName, type Options } from '../options/options.ts';
import type { Request } from './request.ts';

/** Options for a disk that is opened by its name. */
const NAMED_DISK: readonly OptionName[] = [
  'size',
  'from',
  'allowBacking',
  'ovaDisk',
  'internalSnapshot',
  'allowTruncated',
  'readHoles',
  'cachedRead',
  'noSnapshot',
  'liveInconsistent',
  'backingFile',
  'flatten',
  'incrementalFrom',
  'streamVolume',
  'streamSnapshot',
];

/** Options for a disk that is exported as of a checkpoint. */
const DISK_IN_USE: readonly OptionName[] = [
  'includeSwap',
  'allSectors',
  'keepIntentLog',
  'checkpointLimit',
];

/**
 * Whether to export a disk whose pool is in use: that of this machine's root, or one with
 * --checkpoint.
 */
export function isDiskInUse({ source }: Request, { checkpoint }: Options): boolean {
  return source === undefined || checkpoint === true;
}

/**
 * Throws a KexportError for options that contradict each other or do not fit the disk. None is
 * ignored.
 */
export function checkOptions(request: Request, options: Options): void {
  const { source, outputDir } = request;
  if (outputDir !== undefined && options.outputDir !== undefined) {
    const folders = `${outputDir} and ${options.outputDir}`;
    throw new KexportError('usage', `two folders are given for the images: ${folders}`);
  }
  checkDisk(request, options);
  if (options.incrementalFrom !== undefined) checkIncremental(options);
  if (source === '-' && options.flatten === '-') {
    const what = 'the increment and the image below it cannot both come from standard input';
    throw new KexportError('usage', what, { hint: 'give the name of one' });
  }
  if (options.backingFile !== undefined) checkOverlay(options);
  if (options.dryRun && options.quiet) {
    throw new KexportError('usage', '--dry-run and --quiet exclude each other');
  }
  if (options.dryRun && options.json && isDiskInUse(request, options)) {
    throw new KexportError('usage', 'the plan for a disk in use is not printed as JSON');
  }
}

function checkDisk(request: Request, options: Options): void {
  const { source } = request;
  if (source !== undefined) checkDiskChoice(source, options);
  if (!isDiskInUse(request, options)) {
    const given = firstGiven(options, DISK_IN_USE);
    if (given === undefined) return;
    throw new KexportError('usage', `${given} needs --checkpoint, or no DISK at all`, {
      hint: `add --checkpoint if a pool of this machine is in use on ${source ?? 'the disk'}`,
    });
  }
  const given = firstGiven(options, NAMED_DISK);
  if (given === undefined) return;
  if (source !== undefined) {
    throw new KexportError('usage', `${given} and --checkpoint exclude each other`);
  }
  throw new KexportError('usage', `${given} needs a DISK, and none is given`, {
    hint: 'kexport sources lists what can be exported',
  });
}

function checkIncremental({ backingFile, flatten, from, incrementalFrom = '' }: Options): void {
  if (from !== undefined && from !== 'zfs-send') {
    const what = `--incremental-from reads a zfs send stream, not ${from}`;
    throw new KexportError('usage', what, { hint: 'leave out --from' });
  }
  if (backingFile !== undefined || flatten !== undefined) return;
  const what = `--incremental-from ${incrementalFrom} needs the image of that snapshot`;
  const hint = 'give it with --backing-file for an overlay, or --flatten for the whole disk';
  throw new KexportError('usage', what, { hint });
}

/** An overlay is a qcow2 of its own making: `encodeOverlay` has fewer options than `encode`. */
function checkOverlay(options: Options): void {
  const refuse = (what: string, hint: string) => {
    throw new KexportError('usage', `--backing-file ${what}`, { hint });
  };
  const { from } = options;
  if (options.flatten !== undefined) {
    refuse('and --flatten exclude each other', 'the first writes an overlay, the other the disk');
  }
  if (from !== undefined && from !== 'zfs-send') {
    refuse(`needs a zfs send stream, not ${from}`, 'leave out --from');
  }
  if (options.compression === 'zstd') {
    refuse('compresses with zlib, not zstd', 'leave out --compression');
  }
  if (options.verify) {
    const hint = 'run kexport verify IMAGE --allow-backing --against DISK afterwards';
    refuse('and --verify exclude each other', hint);
  }
}

/** The first of the options that was given, as it is typed. */
function firstGiven(options: Options, names: readonly OptionName[]): string | undefined {
  const name = names.find((one) => options[one] !== undefined);
  return name && longForm(name);
}
