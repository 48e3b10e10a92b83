import { statSync } from 'node:fs';
import { KexportError } from '../../errors.ts';
import { shownName } from '../../remote/open-remote.ts';
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
  'snapshotSize',
  'liveInconsistent',
  'backingFile',
  'flatten',
  'incrementalFrom',
  'streamVolume',
  'streamSnapshot',
];

/** Options that say that a disk is exported as of a checkpoint. */
const IN_USE: readonly OptionName[] = ['checkpoint', 'disk', 'wholePool'];

/** Options for a disk that is exported so. */
const DISK_IN_USE: readonly OptionName[] = [
  'includeSwap',
  'allSectors',
  'keepIntentLog',
  'checkpointLimit',
];

/** Options of a golden image. */
const GOLDEN: readonly OptionName[] = ['diskSize', 'bootEnvironment', 'withSnapshots'];

/** Options that say something of one disk, which others beside it do not share. */
const ONE_DISK: readonly OptionName[] = [
  'size',
  'ovaDisk',
  'internalSnapshot',
  'backingFile',
  'flatten',
  'incrementalFrom',
  'streamVolume',
  'streamSnapshot',
];

/**
 * Whether to export disks whose pools are in use: that of this machine's root, or those of an
 * option that says so.
 */
export function isDiskInUse({ sources }: Pick<Request, 'sources'>, options: Options): boolean {
  return sources.length === 0 || firstGiven(options, IN_USE) !== undefined;
}

/** The disks to export that are in use; none for that of this machine's root. */
export function devicesInUse(
  { sources }: Pick<Request, 'sources'>,
  { disk = [] }: Options,
): readonly string[] {
  return [...sources, ...disk];
}

/**
 * Throws a KexportError for options that contradict each other or do not fit the disk. None is
 * ignored.
 */
export function checkOptions(request: Request, options: Options): void {
  const { sources, outputDir } = request;
  if (outputDir !== undefined && options.outputDir !== undefined) {
    const folders = `${outputDir} and ${options.outputDir}`;
    throw new KexportError('usage', `two folders are given for the images: ${folders}`);
  }
  checkGolden(request, options);
  const [device] = options.disk ?? [];
  const [source] = sources;
  if (device !== undefined && source !== undefined) {
    const what = `--disk ${device} and the operand ${source} both name a disk`;
    throw new KexportError('usage', what, {
      hint: 'give every disk with --disk, and a folder for the images with --output-dir',
    });
  }
  const disks = devicesInUse(request, options);
  if (disks.length > 1) checkSeveral(disks, options);
  checkDisk(request, options);
  if (options.incrementalFrom !== undefined) checkIncremental(options);
  if (sources.includes('-') && options.flatten === '-') {
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

function checkGolden({ sources: [source] }: Request, options: Options): void {
  if (!options.generalize) {
    const given = firstGiven(options, GOLDEN);
    if (given === undefined) return;
    throw new KexportError('usage', `${given} needs --generalize`);
  }
  if (source !== undefined) {
    const what = `--generalize makes an image of this machine, and ${shownName(source)} is given`;
    throw new KexportError('usage', what, { hint: 'leave it out' });
  }
  const given = firstGiven(options, ['checkpoint', 'disk', 'wholePool', ...DISK_IN_USE]);
  if (given === undefined) return;
  throw new KexportError('usage', `${given} and --generalize exclude each other`, {
    hint: 'a golden image is a copy of datasets, not of a disk',
  });
}

/** The same for two names of one file or device. */
function placeOf(source: string): string {
  try {
    const found = statSync(source, { bigint: true });
    return found.isBlockDevice() ? `device ${found.rdev}` : `file ${found.dev}:${found.ino}`;
  } catch {
    return source; // standard input, a volume of ZFS, an address
  }
}

function checkSeveral(sources: readonly string[], options: Options): void {
  const places = sources.map(placeOf);
  const twice = sources[places.findIndex((place, index) => places.indexOf(place) !== index)];
  if (twice !== undefined) {
    const name = twice === '-' ? 'standard input' : twice;
    throw new KexportError('usage', `${name} is given twice: each disk of a machine is another`);
  }
  const given = firstGiven(options, ONE_DISK);
  if (given === undefined) return;
  throw new KexportError('usage', `${given} is for one disk, and ${sources.length} are given`, {
    hint:
      sources.length === 2
        ? 'if the last is the folder for the images, create it first'
        : undefined,
  });
}

function checkDisk(request: Request, options: Options): void {
  const [source] = request.sources;
  for (const name of request.sources) checkDiskChoice(shownName(name), options);
  if (!isDiskInUse(request, options)) {
    const given = firstGiven(options, DISK_IN_USE);
    if (given === undefined) return;
    throw new KexportError('usage', `${given} needs --checkpoint, or no DISK at all`, {
      hint: `add --checkpoint if a pool of this machine is in use on ${source ?? 'the disk'}`,
    });
  }
  const given = firstGiven(options, NAMED_DISK);
  if (given === undefined) return;
  const inUse = firstGiven(options, IN_USE);
  if (inUse !== undefined) {
    throw new KexportError('usage', `${given} and ${inUse} exclude each other`);
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
