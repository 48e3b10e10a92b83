import { basename, dirname, extname, join } from 'node:path';
import {
  type DiskController,
  type Format,
  type FormatName,
  FormatError,
  FORMATS,
} from '../../../formats/index.ts';
import { DISK_CONTROLLERS } from '../../../formats/ova/hardware.ts';
import { KexportError } from '../../errors.ts';
import type { Identity } from '../../export/encode-options.ts';
import type { Options } from '../options/options.ts';
import { timestamp } from '../print/timestamp.ts';
import { isRemote, shownName } from '../../remote/open-remote.ts';
import { createFormat } from './create-format.ts';
import { isZippable } from './is-zippable.ts';
import type { Request } from './request.ts';

/** The files and formats to write, decided before anything is opened. */
export interface Plan {
  readonly identity: Pick<Identity, 'name' | 'createdAt'>;
  /** In the order of the disks; those of all disks come last. */
  readonly outputs: readonly Output[];
  /** Path of the block map of each disk, if requested. */
  readonly bmaps: readonly string[];
  /** Path of SHA256SUMS, if requested. */
  readonly checksums: string | undefined;
  /** The same with other names; undefined if the names were requested. */
  readonly next?: () => Plan;
}

export interface Output {
  readonly format: Format;
  /** The index of the disk that it is of; undefined for an image of several disks. */
  readonly disk: number | undefined;
  /** A file, a device, `-`, or an address in a store without its secrets. */
  readonly path: string;
  /** The whole address in a store; undefined for what is on this machine. */
  readonly address: string | undefined;
  /** Name that the image's file has, in a zip archive too; undefined for `-`. */
  readonly fileName: string | undefined;
  /** Name of the image in the zip archive to write; undefined without --zip. */
  readonly zipEntry: string | undefined;
}

/**
 * Decides on formats and file names for so many disks. Throws a KexportError for options that
 * contradict each other.
 */
export function planOutputs(request: Request, diskCount: number, options: Options): Plan {
  const formats = createFormats(request.formats, options);
  for (const format of formats) checkDiskCount(format, diskCount, options);
  const { output } = options;
  const isFolder = output !== undefined && isRemote(output) && output.endsWith('/');
  const folder = request.outputDir ?? options.outputDir ?? (isFolder ? output : undefined);
  return output === undefined || isFolder
    ? planFolder({ formats, diskCount, folder: folder ?? '.', options }, request)
    : planFile(checkSingle(formats, folder, diskCount, options), diskCount, options);
}

/** What is planned, before the files have names. */
interface Wanted {
  readonly formats: readonly Format[];
  readonly diskCount: number;
  readonly folder: string;
  readonly options: Options;
}

/** Images in a folder. */
function planFolder(wanted: Wanted, request: Request): Plan {
  const now = new Date();
  const given = wanted.options.name ?? nameFromEnvironment() ?? request.name;
  if (given !== undefined) return planNamed(checkName(given), now, wanted);
  const numbered = (number: number): Plan => {
    const name = number === 1 ? defaultName(now) : `${defaultName(now)}-${number}`;
    const next = () => numbered(number + 1);
    return { ...planNamed(name, now, wanted), next };
  };
  return numbered(1);
}

/**
 * Images of one name, each with the extension of its format. Several disks have a number each in
 * formats that hold one.
 */
function planNamed(name: string, now: Date, { formats, diskCount, folder, options }: Wanted): Plan {
  const named = (format: Format, disk: number | undefined, base: string): Output => {
    const file = `${base}.${format.extension}`;
    const zip = options.zip === true && isZippable(format);
    const place = placeIn(folder, zip ? `${file}.zip` : file);
    return { format, disk, ...place, fileName: file, zipEntry: zip ? file : undefined };
  };
  const isWhole = (format: Format) => diskCount > 1 && format.machine !== undefined;
  const names = Array.from({ length: diskCount }, (_, index) =>
    diskCount === 1 ? name : `${name}-${index + 1}`,
  );
  const ofOne = formats.filter((format) => !isWhole(format));
  if (isRemote(folder)) checkStored(options);
  return {
    identity: { name: plain(name), createdAt: secondsOf(now) },
    outputs: [
      ...names.flatMap((base, disk) => ofOne.map((format) => named(format, disk, base))),
      ...formats.filter(isWhole).map((format) => named(format, undefined, name)),
    ],
    bmaps: options.bmap ? names.map((base) => join(folder, `${base}.bmap`)) : [],
    checksums: sums(folder, options),
  };
}

/** A file in a folder of this machine or of a store. */
function placeIn(folder: string, file: string): Pick<Output, 'path' | 'address'> {
  if (!isRemote(folder)) return { path: join(folder, file), address: undefined };
  const address = `${folder.replace(/\/$/, '')}/${file}`;
  return { path: address, address };
}

/** Throws a KexportError for options that put files beside the images. */
function checkStored({ checksums, bmap }: Options): void {
  if (!checksums && !bmap) return;
  throw new KexportError(
    'usage',
    `--${checksums ? 'checksums' : 'bmap'} writes a file beside images on this machine`,
    { hint: checksums ? '--json has the sums, and a store has its own' : 'leave it out' },
  );
}

function checkDiskCount({ name, machine }: Format, diskCount: number, options: Options): void {
  if (!machine || diskCount <= machine.maxDisks) return;
  const what = `${diskCount} disks are given, an ${name} holds at most ${machine.maxDisks}`;
  const isMore = (diskController: DiskController) => {
    const format = createFormat('ova', { ...options, diskController });
    return diskCount <= (format.machine?.maxDisks ?? 0);
  };
  const other = CONTROLLERS.find((controller) => name === 'ova' && isMore(controller));
  const hint = other && `--disk-controller ${other} has room for them`;
  throw new KexportError('usage', what, { hint });
}

const CONTROLLERS = Object.keys(DISK_CONTROLLERS) as DiskController[];

/** The one image that --output names. */
function planFile(format: Format, diskCount: number, options: Options): Plan {
  const output = outputPath(options);
  const address = isRemote(output) ? output : undefined;
  if (address !== undefined) checkStored(options);
  const path = shownName(output);
  checkExtension(format, path, options);
  const name = path === '-' ? '' : nameOf(path, format, options);
  const zipEntry = options.zip ? `${name}.${format.extension}` : undefined;
  const fileName = path === '-' ? undefined : (zipEntry ?? basename(path));
  return {
    identity: { name: plain(name), createdAt: secondsOf(new Date()) },
    outputs: [{ format, disk: diskCount === 1 ? 0 : undefined, path, address, fileName, zipEntry }],
    bmaps: options.bmap ? [bmapOf(path, format)] : [],
    checksums: sums(dirname(path), options),
  };
}

/** bmaptool finds it beside the image by the name without its extensions. */
function bmapOf(path: string, { extension }: Format): string {
  if (path !== '-') return join(dirname(path), `${basename(path, `.${extension}`)}.bmap`);
  throw new KexportError('usage', '--bmap is for files, not for -o -');
}

/** Refuses a name that says another format: every program that opens it would be misled. */
function checkExtension(format: Format, path: string, { zip }: Options): void {
  const extension = extname(path).slice(1).toLowerCase();
  if (zip && extension !== 'zip') {
    const hint = `call it ${basename(path)}.zip`;
    throw new KexportError('usage', `--zip makes a zip archive, and ${path} is no name of one`, {
      hint,
    });
  }
  const own = format.extension.split('.').at(-1);
  const others = Object.values(FORMATS).map((create) => create().extension);
  if (extension === own || extension === 'raw' || !others.includes(extension)) return;
  throw new KexportError(
    'usage',
    `${path} is the name of a ${extension}, not of a ${format.name}`,
    {
      hint: `call it ${basename(path, extname(path))}.${own ?? ''}, or make a ${extension}`,
    },
  );
}

function outputPath({ output = '' }: Options): string {
  return STDOUT_NAMES.includes(output) ? '-' : output;
}

/** Paths of standard output. It must not be replaced as a file. */
const STDOUT_NAMES = ['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'];

function createFormats(names: readonly FormatName[], options: Options): Format[] {
  try {
    return names.map((name) => createFormat(name, options));
  } catch (error) {
    if (error instanceof FormatError) throw new KexportError('usage', error.message);
    throw error;
  }
}

function checkSingle(
  formats: readonly Format[],
  folder: string | undefined,
  diskCount: number,
  options: Options,
): Format {
  const output = shownName(outputPath(options));
  const [format, ...others] = formats;
  if (!format || others.length > 0) {
    const what = `-o ${output} names one file, and ${formats.length} formats are given`;
    throw new KexportError('usage', what, { hint: 'use --output-dir and --name' });
  }
  if (diskCount > 1 && !format.machine) {
    const what = `-o ${output} names one file, and ${format.name} makes one of each of ${diskCount} disks`;
    throw new KexportError('usage', what, {
      hint: 'use --output-dir and --name; an ova has all disks in one file',
    });
  }
  if (folder !== undefined || options.name !== undefined) {
    throw new KexportError('usage', '-o names the file: --output-dir and --name exclude it');
  }
  if (output === '-' && options.json) {
    throw new KexportError('usage', '--json and -o - both write to standard output');
  }
  if (output === '-' && options.checksums) {
    throw new KexportError('usage', '--checksums is for files, not for -o -');
  }
  return format;
}

function sums(folder: string, { checksums }: Options): string | undefined {
  return checksums ? join(folder, 'SHA256SUMS') : undefined;
}

function nameFromEnvironment(): string | undefined {
  const name = process.env['KEXPORT_NAME'];
  return name === '' ? undefined : name;
}

/** The name that kldload's script gives, in local time. */
function defaultName(now: Date): string {
  return `kldload-export-${timestamp(now)}`;
}

function checkName(name: string): string {
  if (name !== '' && !/[/\\\p{Cc}]/u.test(name) && !name.startsWith('.')) return name;
  throw new KexportError('usage', `${JSON.stringify(name)} is not a file name`, {
    hint: 'give the folder with --output-dir',
  });
}

/** The name of an image, from the path of its file: dots are part of it, the extension is not. */
function nameOf(path: string, { extension }: Format, { zip }: Options): string {
  const name = zip ? basename(path, '.zip') : basename(path);
  const own = extension.split('.').at(-1) ?? extension;
  const lower = name.toLowerCase();
  const found = [extension, own, 'raw', 'img'].find((each) => lower.endsWith(`.${each}`));
  return found === undefined ? name : name.slice(0, -found.length - 1);
}

/** Replaces characters that some formats cannot store in a name. */
function plain(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, '-') || 'disk';
}

/** Since 1970, UTC. */
function secondsOf(date: Date): number {
  return Math.floor(date.getTime() / 1000);
}
