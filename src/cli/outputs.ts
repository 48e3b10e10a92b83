import type { Stats } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import type { Format } from '../../formats/index.ts';
import { DEFAULT_LEVEL } from '../encode.ts';
import { KexportError, reasonOf } from '../errors.ts';
import type { Target } from '../image.ts';
import { deviceSink } from '../sinks/device.ts';
import { fileSink } from '../sinks/file.ts';
import { hashed, type HashedSink } from '../sinks/hashed.ts';
import type { Sink } from '../sinks/sink.ts';
import { streamSink } from '../sinks/stream.ts';
import { zipped } from '../sinks/zipped.ts';
import type { Source } from '../sources/source.ts';
import type { Output, Plan } from './plan.ts';

export interface OutputOptions {
  readonly force?: boolean;
  readonly level?: number;
}

/** Everything that is open for writing. */
export interface Outputs {
  readonly targets: readonly Target[];
  /** SHA256SUMS and what goes into it, if it is wanted. */
  readonly checksums: { readonly sink: Sink; readonly files: readonly HashedSink[] } | undefined;
}

/** Opens every output; if one fails, none is left open and no file is left. */
export async function openOutputs(
  plan: Plan,
  source: Source,
  options: OutputOptions,
): Promise<Outputs> {
  const opened: Sink[] = [];
  const keep = <S extends Sink>(sink: S): S => {
    opened.push(sink);
    return sink;
  };
  try {
    const targets: Target[] = [];
    const files: HashedSink[] = [];
    for (const output of plan.outputs) {
      const { format, zipEntry } = output;
      let sink = keep(await openOutput(output, source, options));
      if (plan.checksums !== undefined) {
        const hashing = hashed(sink, format.streaming === 'always' || streamsNow(format, source));
        files.push(hashing);
        sink = hashing;
      }
      if (zipEntry !== undefined) {
        const { level = DEFAULT_LEVEL } = options;
        sink = zipped(sink, { entryName: zipEntry, level, createdAt: plan.identity.createdAt });
      }
      targets.push({ format, sink });
    }
    if (plan.checksums === undefined) return { targets, checksums: undefined };
    const sink = keep(await fileSink(plan.checksums, options));
    return { targets, checksums: { sink, files } };
  } catch (error) {
    await Promise.all(opened.map((sink) => sink.discard()));
    throw error;
  }
}

/** Whether the format never goes back, given what is known of the disk. */
function streamsNow({ streaming }: Format, source: Source): boolean {
  return streaming === 'size-first' && source.size !== undefined;
}

async function openOutput(
  { format, path }: Output,
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
