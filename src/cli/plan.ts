import { basename, dirname, join } from 'node:path';
import { type Format, type FormatName, FormatError } from '../../formats/index.ts';
import type { Identity } from '../export/encode.ts';
import { KexportError } from '../errors.ts';
import { createFormat, type FormatOptions } from './formats.ts';
import { timestamp } from './timestamp.ts';

/** What the command line says of the files to write. */
export interface PlanOptions extends FormatOptions {
  /** A file, a block device, or `-` for standard output. */
  readonly output?: string | undefined;
  readonly outputDir?: string | undefined;
  /** File name without an extension. */
  readonly name?: string | undefined;
  readonly zip?: boolean;
  readonly checksums?: boolean;
  readonly json?: boolean;
}

/** What will be written, and where to, before anything is opened. */
export interface Plan {
  readonly identity: Pick<Identity, 'name' | 'createdAt'>;
  readonly outputs: readonly Output[];
  /** Path of SHA256SUMS, if it is wanted. */
  readonly checksums: string | undefined;
}

export interface Output {
  readonly format: Format;
  /** A file, a device, or `-`. */
  readonly path: string;
  /** Name of the image in the zip archive that the file is; undefined if it is the image itself. */
  readonly zipEntry: string | undefined;
}

/** Decides on formats and file names. Throws a KexportError for options that contradict each other. */
export function planOutputs(names: readonly FormatName[], options: PlanOptions): Plan {
  const formats = createFormats(names, options);
  if (options.zip && !formats.some(isZippable)) {
    throw new KexportError('usage', '--zip is for raw and vhd: the other formats are compressed');
  }
  const now = new Date();
  const createdAt = Math.floor(now.getTime() / 1000);
  const { outputDir } = options;
  const output = isStdout(options.output) ? '-' : options.output;
  if (output === undefined) {
    const name = checkName(options.name ?? nameFromEnvironment() ?? defaultName(now));
    const folder = outputDir ?? '.';
    const outputs = formats.map((format) => {
      const file = `${name}.${format.extension}`;
      const zip = options.zip === true && isZippable(format);
      const path = join(folder, zip ? `${file}.zip` : file);
      return { format, path, zipEntry: zip ? file : undefined };
    });
    return {
      identity: { name: plain(name), createdAt },
      outputs,
      checksums: sums(folder, options),
    };
  }
  const [format] = checkSingle(formats, options);
  const zipEntry = options.zip ? `${nameOf(output)}.${format.extension}` : undefined;
  return {
    identity: { name: nameOf(output), createdAt },
    outputs: [{ format, path: output, zipEntry }],
    checksums: sums(dirname(output), options),
  };
}

/** The names that standard output has as a file: replacing that file would be a surprise. */
function isStdout(output: string | undefined): boolean {
  return ['-', '/dev/stdout', '/dev/fd/1', '/proc/self/fd/1'].includes(output ?? '');
}

function createFormats(names: readonly FormatName[], options: FormatOptions): Format[] {
  try {
    return names.map((name) => createFormat(name, options));
  } catch (error) {
    if (error instanceof FormatError) throw new KexportError('usage', error.message);
    throw error;
  }
}

/** Formats that are as large as the disk, and written front to back. */
function isZippable({ name }: Format): boolean {
  return name === 'raw' || name === 'vhd';
}

function checkSingle(formats: readonly Format[], options: PlanOptions): readonly [Format] {
  const output = isStdout(options.output) ? '-' : (options.output ?? '');
  const [format, ...others] = formats;
  if (!format || others.length > 0) {
    throw new KexportError('usage', `-o ${output} names one file for ${formats.length} formats`, {
      hint: 'use --output-dir and --name',
    });
  }
  if (options.outputDir !== undefined || options.name !== undefined) {
    throw new KexportError('usage', '-o names the file: --output-dir and --name say it again');
  }
  if (output === '-' && options.json) {
    throw new KexportError('usage', '--json and -o - both want standard output');
  }
  if (output === '-' && options.checksums) {
    throw new KexportError('usage', '--checksums is for files, not for -o -');
  }
  return [format];
}

function sums(folder: string, { checksums }: PlanOptions): string | undefined {
  return checksums ? join(folder, 'SHA256SUMS') : undefined;
}

function nameFromEnvironment(): string | undefined {
  const name = process.env['KEXPORT_NAME'];
  return name === '' ? undefined : name;
}

/** As kldload's script has always named them, in local time. */
function defaultName(now: Date): string {
  return `kldload-export-${timestamp(now)}`;
}

function checkName(name: string): string {
  if (name !== '' && !/[/\\\p{Cc}]/u.test(name) && !name.startsWith('.')) return name;
  throw new KexportError('usage', `${JSON.stringify(name)} is not a name for files`, {
    hint: 'a folder goes into --output-dir',
  });
}

/** The name of an image's file without its extensions. */
function nameOf(path: string): string {
  return plain(path === '-' ? '' : (basename(path).split('.')[0] ?? ''));
}

/** A name in the characters that every format can carry. */
function plain(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, '-') || 'disk';
}
