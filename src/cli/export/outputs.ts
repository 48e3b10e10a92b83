import { constants } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import type { Format } from '../../../formats/index.ts';
import { levelsOf } from '../../export/encodings.ts';
import { errnoOf, KexportError, reasonOf, throwIfAborted } from '../../errors.ts';
import { openFile } from '../../host/descriptors.ts';
import { overlaps } from '../../host/host-disk.ts';
import type { Target } from '../../export/image.ts';
import { deviceSink } from '../../sinks/device.ts';
import { fileSink, partialOf } from '../../sinks/file.ts';
import { hashed, type HashedSink } from '../../sinks/hashed.ts';
import type { Sink } from '../../sinks/sink.ts';
import { descriptorSink } from '../../sinks/descriptor.ts';
import type { Options } from '../options/options.ts';
import { openChecksums, type RunChecksums } from './checksums.ts';
import type { Output, Plan } from './plan.ts';

type OpenOptions = Pick<Options, 'backingFile' | 'compression' | 'flatten' | 'force' | 'level'> & {
  readonly signal: AbortSignal;
};

/** The open outputs of an export. */
export interface Outputs {
  /** The plan that was followed. */
  readonly plan: Plan;
  readonly targets: readonly Target[];
  /** SHA256SUMS and the images to list in it, if requested. */
  readonly checksums: RunChecksums | undefined;
}

/** The disk that is exported. */
export interface OutputDisk {
  /** The disk that is read, or that the snapshot is of. No output may be the same. */
  readonly name: string;
  /** In bytes, if it is known. */
  readonly size: number | undefined;
}

/**
 * Opens every output of a plan, or of the next plan if its names are taken and were not requested.
 * If one fails, closes all of them and removes their files.
 */
export async function openOutputs(
  plan: Plan,
  disk: OutputDisk,
  options: OpenOptions,
): Promise<Outputs> {
  if (!plan.next) return openAll(plan, disk, options);
  try {
    return await openAll(plan, disk, { ...options, force: false });
  } catch (error) {
    if (!(error instanceof KexportError) || error.code !== 'exists') throw error;
    return openOutputs(plan.next(), disk, options);
  }
}

async function openAll(plan: Plan, disk: OutputDisk, options: OpenOptions): Promise<Outputs> {
  const opened: Sink[] = [];
  const keep = <S extends Sink>(sink: S): S => {
    opened.push(sink);
    return sink;
  };
  try {
    const targets: Target[] = [];
    const images: HashedSink[] = [];
    for (const output of plan.outputs) {
      const { format, zipEntry } = output;
      const plain = zipEntry === undefined && plan.checksums === undefined;
      let sink = keep(await openOutput(output, { ...options, disk, plain }));
      if (plan.checksums !== undefined) {
        const hashing = hashed(sink, format.streaming === 'always' || streamsNow(format, disk));
        images.push(hashing);
        sink = hashing;
      }
      if (zipEntry !== undefined) {
        const { level } = levelsOf(options);
        const { zipped } = await import('../../sinks/zipped.ts'); // fifty modules
        sink = zipped(sink, { entryName: zipEntry, level, createdAt: plan.identity.createdAt });
      }
      targets.push({ format, sink });
    }
    if (plan.checksums === undefined) return { plan, targets, checksums: undefined };
    const file = await openChecksums(plan.checksums, options);
    return { plan, targets, checksums: { file, images } };
  } catch (error) {
    await Promise.all(opened.map((sink) => sink.discard()));
    throw error;
  }
}

/** Whether the format writes this disk front to back. */
function streamsNow({ streaming }: Format, { size }: OutputDisk): boolean {
  return streaming === 'size-first' && size !== undefined;
}

type OpenRequest = OpenOptions & {
  readonly disk: OutputDisk;
  /** Opens an output that is not a file, so that it is neither hashed nor zipped. */
  readonly plain: boolean;
};

async function openOutput({ format, path }: Output, request: OpenRequest): Promise<Sink> {
  const { disk, plain, force = false, signal } = request;
  const { name: sourceName } = disk;
  if (path === '-') return openStdout();
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) {
    const hint = `for a folder of images, --output-dir ${path}`;
    throw new KexportError('usage', `${path} is a folder, not a file to write`, { hint });
  }
  const isFile = found?.isFile() ?? true;
  if (!isFile && !plain) {
    throw new KexportError('usage', `${path} is not a file: --zip and --checksums are for files`);
  }
  for (const name of [path, partialOf(path)]) {
    if (await isSource(name, sourceName)) {
      throw new KexportError('target', `${name} is the disk that is exported`);
    }
    for (const below of [request.flatten, request.backingFile]) {
      if (below === undefined || !(await isSource(name, below))) continue;
      throw new KexportError('target', `${name} is the backing file of the increment`);
    }
  }
  if (found?.isBlockDevice() && (await overlaps(path, throughStdin(sourceName)))) {
    throw new KexportError(
      'target',
      `${path} and ${sourceName}, the disk that is exported, overlap`,
    );
  }
  if (found?.isBlockDevice()) return openDevice(format, path, disk, force);
  if (!isFile) return openSpecial(path, signal);
  return fileSink(await throughLink(path), { force });
}

/**
 * The target of a symbolic link, so that the target is replaced and not the link; any other path as
 * it is.
 */
async function throughLink(path: string): Promise<string> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isSymbolicLink() ? realpath(path).catch(() => path) : path;
}

/** Whether the file or device to write is the one that is read. */
async function isSource(path: string, sourceName: string): Promise<boolean> {
  const target = await stat(path).catch(() => undefined);
  const source = await stat(throughStdin(sourceName)).catch(() => undefined);
  if (!target || !source) return false;
  if (target.isBlockDevice()) return source.isBlockDevice() && source.rdev === target.rdev;
  return target.isFile() && source.dev === target.dev && source.ino === target.ino;
}

function throughStdin(sourceName: string): string {
  return sourceName === '-' ? '/dev/stdin' : sourceName;
}

function openStdout(): Sink {
  if (process.stdout.isTTY) {
    throw new KexportError('usage', 'standard output is a terminal: cannot write an image to it', {
      hint: 'redirect it: kexport ... -o - > FILE',
    });
  }
  return descriptorSink(1, 'standard output');
}

async function openDevice(
  format: Format,
  path: string,
  { size }: OutputDisk,
  force: boolean,
): Promise<Sink> {
  if (format.name !== 'raw') {
    const what = `${path} is a block device: only raw can be written to it, not ${format.name}`;
    throw new KexportError('usage', what);
  }
  if (!force) {
    throw new KexportError('usage', `${path} is a block device: everything on it would be lost`, {
      hint: 'use --force to overwrite it',
    });
  }
  return deviceSink(path, { diskSize: size });
}

const FIFO_INTERVAL = 100; // milliseconds

/** Opens a named pipe, once somebody reads it, or a device such as /dev/null. */
async function openSpecial(path: string, signal: AbortSignal): Promise<Sink> {
  for (;;) {
    try {
      // A blocking open of a pipe that nobody reads would keep the program from ending.
      const fd = await openFile(path, constants.O_WRONLY | constants.O_NONBLOCK);
      return descriptorSink(fd, path, { owned: true });
    } catch (error) {
      throwIfAborted(signal);
      if (errnoOf(error) !== 'ENXIO') {
        throw new KexportError('target', `cannot open ${path}: ${reasonOf(error)}`, {
          cause: error,
        });
      }
      await setTimeout(FIFO_INTERVAL, undefined, { signal }).catch(() => throwIfAborted(signal));
    }
  }
}
