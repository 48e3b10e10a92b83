import { parse } from 'node:path';
import {
  type DiskController,
  type Format,
  type FormatName,
  FormatError,
} from '../../../formats/index.ts';
import { DISK_CONTROLLERS } from '../../../formats/ova/hardware.ts';
import { KexportError } from '../../errors.ts';
import { shownName } from '../../remote/open-remote.ts';
import type { Options } from '../options/options.ts';
import { timestamp } from '../print/timestamp.ts';
import { besideImages } from './beside-images.ts';
import { createFormat } from './create-format.ts';
import { imagesIn, imagesNamed, nameOf } from './name-images.ts';
import type { Output, Plan } from './plan.ts';
import type { Request } from './request.ts';

/**
 * Decides on formats and file names for so many disks. Throws a KexportError for options that
 * contradict each other.
 */
export function planOutputs(request: Request, diskCount: number, options: Options): Plan {
  const formats = createFormats(request.formats, options);
  for (const format of formats) checkDiskCount(format, diskCount, options);
  const { files, folders } = placesOf(request, options);
  const wanted = { formats, diskCount, options };
  const now = new Date();
  const named = imagesNamed(files, wanted);
  if (folders.length === 0) return planOf(named, nameAt(named[0], request, options), now, options);
  const planNamed = (name: string): Plan => {
    const inFolders = folders.flatMap((folder) => imagesIn(folder, name, wanted));
    return planOf([...named, ...inFolders], name, now, options);
  };
  const given = options.name ?? nameFromEnvironment() ?? request.name;
  if (given !== undefined) return planNamed(checkName(given));
  const numbered = (number: number): Plan => {
    const plan = planNamed(number === 1 ? defaultName(now) : `${defaultName(now)}-${number}`);
    // The names of files were requested.
    return named.length > 0 ? plan : { ...plan, next: () => numbered(number + 1) };
  };
  return numbered(1);
}

/** Files and folders to write to, here or in a store: at least one of them. */
interface Places {
  readonly files: readonly string[];
  /** Each gets an image of every format. */
  readonly folders: readonly string[];
}

/** A name that ends in / is that of a folder. */
function placesOf(request: Request, { output, outputDir, name }: Options): Places {
  const given = (output ?? []).map((path) => (STDOUT_NAMES.includes(path) ? '-' : path));
  const twice = given.find((path, index) => given.indexOf(path) !== index);
  if (twice !== undefined) {
    throw new KexportError('usage', `-o ${shownName(twice)} is given twice`);
  }
  const files = given.filter((path) => !path.endsWith('/'));
  const folders = given.filter((path) => path.endsWith('/'));
  const folder = request.outputDir ?? outputDir;
  if (folder !== undefined) folders.unshift(folder);
  const isNamed = folder !== undefined || (folders.length === 0 && name !== undefined);
  if (files.length > 0 && isNamed) {
    throw new KexportError('usage', '-o names the file: --output-dir and --name exclude it');
  }
  return { files, folders: files.length + folders.length === 0 ? ['.'] : folders };
}

/** The name of an image: that of the disk at a place in a store that has none of its own. */
function nameAt(output: Output | undefined, { sources }: Request, options: Options): string {
  const isUnnamed = output?.address !== undefined && /:(import)?$/.test(output.path);
  return isUnnamed ? parse(shownName(sources[0] ?? '')).name : nameOf(output, options);
}

/** Paths of standard output. It must not be replaced as a file. */
const STDOUT_NAMES = ['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'];

function planOf(outputs: readonly Output[], name: string, now: Date, options: Options): Plan {
  const createdAt = Math.floor(now.getTime() / 1000);
  const identity = { name: plain(name), createdAt };
  return { identity, outputs, ...besideImages(outputs, options) };
}

function checkDiskCount({ name, machine }: Format, diskCount: number, options: Options): void {
  if (!machine || diskCount <= machine.maxDisks) return;
  const what = `${diskCount} disks are given, and ${name} holds at most ${machine.maxDisks}`;
  const isMore = (diskController: DiskController) => {
    const format = createFormat('ova', { ...options, diskController });
    return diskCount <= (format.machine?.maxDisks ?? 0);
  };
  const other = CONTROLLERS.find((controller) => name === 'ova' && isMore(controller));
  const hint = other && `--disk-controller ${other} has room for them`;
  throw new KexportError('usage', what, { hint });
}

const CONTROLLERS = Object.keys(DISK_CONTROLLERS) as DiskController[];

function createFormats(names: readonly FormatName[], options: Options): Format[] {
  try {
    return names.map((name) => createFormat(name, options));
  } catch (error) {
    if (error instanceof FormatError) throw new KexportError('usage', error.message);
    throw error;
  }
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

/** Replaces characters that some formats cannot store in a name. */
function plain(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, '-') || 'disk';
}
