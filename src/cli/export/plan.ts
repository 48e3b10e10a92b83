import { basename, dirname, extname, join } from 'node:path';
import { type Format, type FormatName, FormatError, FORMATS } from '../../../formats/index.ts';
import { KexportError } from '../../errors.ts';
import type { Identity } from '../../export/encode-options.ts';
import type { Options } from '../options/options.ts';
import { timestamp } from '../print/timestamp.ts';
import { createFormat } from './create-format.ts';
import { isZippable } from './is-zippable.ts';
import type { Request } from './request.ts';

/** The files and formats to write, decided before anything is opened. */
export interface Plan {
  readonly identity: Pick<Identity, 'name' | 'createdAt'>;
  readonly outputs: readonly Output[];
  /** Path of the block map, if requested. */
  readonly bmap: string | undefined;
  /** Path of SHA256SUMS, if requested. */
  readonly checksums: string | undefined;
  /** The same with other names; undefined if the names were requested. */
  readonly next?: () => Plan;
}

export interface Output {
  readonly format: Format;
  /** A file, a device, or `-`. */
  readonly path: string;
  /** Name that the image's file has, in a zip archive too; undefined for `-`. */
  readonly fileName: string | undefined;
  /** Name of the image in the zip archive to write; undefined without --zip. */
  readonly zipEntry: string | undefined;
}

/**
 * Decides on formats and file names. Throws a KexportError for options that contradict each other.
 */
export function planOutputs(request: Request, options: Options): Plan {
  const { outputDir } = request;
  const formats = createFormats(request.formats, options);
  const folder = outputDir ?? options.outputDir;
  return options.output === undefined
    ? planFolder(formats, folder ?? '.', request, options)
    : planFile(checkSingle(formats, folder, options), options);
}

/** Images in a folder. */
function planFolder(
  formats: readonly Format[],
  folder: string,
  request: Request,
  options: Options,
): Plan {
  const now = new Date();
  const given = options.name ?? nameFromEnvironment() ?? request.name;
  if (given !== undefined) return planNamed(checkName(given), now, formats, folder, options);
  const numbered = (number: number): Plan => {
    const name = number === 1 ? defaultName(now) : `${defaultName(now)}-${number}`;
    const next = () => numbered(number + 1);
    return { ...planNamed(name, now, formats, folder, options), next };
  };
  return numbered(1);
}

/** Images of one name, each with the extension of its format. */
function planNamed(
  name: string,
  now: Date,
  formats: readonly Format[],
  folder: string,
  options: Options,
): Plan {
  const outputs = formats.map((format) => {
    const file = `${name}.${format.extension}`;
    const zip = options.zip === true && isZippable(format);
    const path = join(folder, zip ? `${file}.zip` : file);
    return { format, path, fileName: file, zipEntry: zip ? file : undefined };
  });
  return {
    identity: { name: plain(name), createdAt: secondsOf(now) },
    outputs,
    bmap: options.bmap ? join(folder, `${name}.bmap`) : undefined,
    checksums: sums(folder, options),
  };
}

/** The one image that --output names. */
function planFile(format: Format, options: Options): Plan {
  const path = outputPath(options);
  checkExtension(format, path, options);
  const name = path === '-' ? '' : nameOf(path, format, options);
  const zipEntry = options.zip ? `${name}.${format.extension}` : undefined;
  const fileName = path === '-' ? undefined : (zipEntry ?? basename(path));
  return {
    identity: { name: plain(name), createdAt: secondsOf(new Date()) },
    outputs: [{ format, path, fileName, zipEntry }],
    bmap: options.bmap ? bmapOf(path, format) : undefined,
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
  options: Options,
): Format {
  const output = outputPath(options);
  const [format, ...others] = formats;
  if (!format || others.length > 0) {
    const what = `-o ${output} names one file, and ${formats.length} formats are given`;
    throw new KexportError('usage', what, { hint: 'use --output-dir and --name' });
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
