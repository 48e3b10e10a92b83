import type { Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type Format, type FormatName, FORMATS } from '../../formats/index.ts';
import { KexportError, reasonOf } from '../errors.ts';
import type { Target } from '../image.ts';
import { deviceSink } from '../sinks/device.ts';
import { fileSink } from '../sinks/file.ts';
import type { Sink } from '../sinks/sink.ts';
import { streamSink } from '../sinks/stream.ts';
import type { Source } from '../sources/source.ts';

export interface OutputOptions {
  /** A file, a block device, or `-` for standard output. */
  readonly output?: string | undefined;
  readonly outputDir?: string | undefined;
  /** File name without an extension. */
  readonly name?: string | undefined;
  readonly force?: boolean | undefined;
}

/** Where the images of a run go, before anything is opened. */
export interface Plan {
  /** The export's name, which some formats carry. */
  readonly name: string;
  readonly outputs: readonly { readonly format: Format; readonly path: string }[];
}

/** Decides on file names. Throws a KexportError for options that contradict each other. */
export function planOutputs(names: readonly FormatName[], options: OutputOptions): Plan {
  const formats = names.map((name) => FORMATS[name]());
  const { output, outputDir = '.' } = options;
  if (output === undefined) {
    const name = checkName(options.name ?? process.env['KEXPORT_NAME'] ?? defaultName(new Date()));
    const outputs = formats.map((format) => ({
      format,
      path: join(outputDir, `${name}.${format.extension}`),
    }));
    return { name, outputs };
  }
  const [format, ...others] = formats;
  if (!format || others.length > 0) {
    throw new KexportError('usage', `-o ${output} names one file for ${formats.length} formats`, {
      hint: 'use --output-dir and --name',
    });
  }
  if (options.outputDir !== undefined || options.name !== undefined) {
    throw new KexportError('usage', '-o names the file: --output-dir and --name say it again');
  }
  return { name: nameOf(output), outputs: [{ format, path: output }] };
}

/** As kldload's script has always named them, in local time. */
function defaultName(now: Date): string {
  const two = (value: number) => String(value).padStart(2, '0');
  const date = [now.getFullYear(), now.getMonth() + 1, now.getDate()].map(two).join('');
  const time = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two).join('');
  return `kldload-export-${date}-${time}`;
}

function checkName(name: string): string {
  if (name !== '' && !name.includes('/') && !name.startsWith('.')) return name;
  throw new KexportError('usage', `"${name}" is not a name for files`, {
    hint: 'a folder goes into --output-dir',
  });
}

/** A file's name as an export's name: what precedes the first dot, in the letters that images may carry. */
function nameOf(path: string): string {
  const stem = path === '-' ? '' : (basename(path).split('.')[0] ?? '');
  return stem.replace(/[^A-Za-z0-9_-]/g, '-') || 'disk';
}

/** Opens every output; if one fails, none is left open and no file is left. */
export async function openOutputs(
  { outputs }: Plan,
  source: Source,
  options: OutputOptions,
): Promise<Target[]> {
  const targets: Target[] = [];
  try {
    for (const { format, path } of outputs) {
      targets.push({ format, sink: await openOutput(format, path, source, options) });
    }
    return targets;
  } catch (error) {
    await Promise.all(targets.map(({ sink }) => sink.discard()));
    throw error;
  }
}

async function openOutput(
  format: Format,
  path: string,
  source: Source,
  { force = false }: OutputOptions,
): Promise<Sink> {
  if (path === '-') return openStdout();
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    throw new KexportError('usage', `-o ${path} is a folder`, { hint: `--output-dir ${path}` });
  }
  if (found?.isBlockDevice()) return openDevice(format, path, source, force);
  if (found?.isCharacterDevice() || found?.isFIFO()) return openSpecial(path);
  if (found && (await isSameFile(found, source))) {
    throw new KexportError('target', `${path} is the disk that is exported`);
  }
  return fileSink(path, { force });
}

async function isSameFile({ dev, ino }: Stats, source: Source): Promise<boolean> {
  const other = await stat(source.name).catch(() => undefined);
  return other?.dev === dev && other.ino === ino;
}

function openStdout(): Sink {
  if (process.stdout.isTTY) {
    throw new KexportError('usage', 'an image does not go to a terminal', {
      hint: 'redirect it: kexport ... -o - > FILE',
    });
  }
  return streamSink(1, 'standard output');
}

async function openDevice(
  format: Format,
  path: string,
  source: Source,
  force: boolean,
): Promise<Sink> {
  if (format.name !== 'raw') {
    throw new KexportError('usage', `${path} is a device: only raw can be written to it`);
  }
  if (!force) {
    throw new KexportError('usage', `${path} is a device, and all that it holds would be lost`, {
      hint: 'say --force if that is meant',
    });
  }
  return deviceSink(path, source.size);
}

/** A named pipe, /dev/null and their like. */
async function openSpecial(path: string): Promise<Sink> {
  try {
    const file = await open(path, 'w');
    return streamSink(file.fd, path);
  } catch (error) {
    throw new KexportError('target', `cannot open ${path}: ${reasonOf(error)}`, { cause: error });
  }
}
