import { constants } from 'node:fs';
import { lstat, realpath, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Format } from '../../../formats/index.ts';
import { levelsOf } from '../../export/encodings.ts';
import {
  errnoOf,
  KexportError,
  type OnWarning,
  reasonOf,
  throwIfAborted,
  Warning,
} from '../../errors.ts';
import { blockSizeOfPath } from '../../host/block-device.ts';
import { shellWord } from '../../host/shell-word.ts';
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
import { pathOfDisk } from './path-of-disk.ts';
import type { Output, Plan } from './plan.ts';

/** What is needed to open the outputs. */
type OpenOptions = Pick<
  Options,
  'backingFile' | 'compression' | 'flatten' | 'force' | 'json' | 'level'
> & {
  readonly signal: AbortSignal;
  readonly onWarning: OnWarning;
  /** Permissions of the images; undefined for those that the umask leaves. */
  readonly fileMode: number | undefined;
};

/** The open outputs of an export. */
export interface Outputs {
  /** The plan that was followed. */
  readonly plan: Plan;
  readonly targets: readonly Target[];
  /** The block map, if requested. */
  readonly bmap: Sink | undefined;
  /** The images whose sums are wanted. */
  readonly hashed: readonly HashedSink[];
  /** Permissions of the images; undefined for those that the umask leaves. */
  readonly fileMode: number | undefined;
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
  const images: HashedSink[] = [];
  try {
    const targets: Target[] = [];
    for (const output of plan.outputs) {
      const { format, zipEntry } = output;
      const plain = zipEntry === undefined && plan.checksums === undefined;
      let sink = keep(await openOutput(output, { ...options, disk, plain }));
      const inOrder = format.streaming === 'always' || streamsNow(format, disk);
      // A device or a pipe cannot be read back.
      const isHashed = options.json === true && (inOrder || sink.read !== undefined);
      if (plan.checksums !== undefined || isHashed) {
        const hashing = hashed(sink, inOrder);
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
    const bmap = plan.bmap === undefined ? undefined : await openBmap(plan.bmap);
    const { checksums: sums } = plan;
    const file = sums === undefined ? undefined : await openChecksums(sums, options);
    const checksums = file && { file, images };
    return { plan, targets, bmap, hashed: images, fileMode: options.fileMode, checksums };
  } catch (error) {
    await Promise.all(opened.map((sink) => sink.discard()));
    throw error;
  }

  async function openBmap(path: string): Promise<Sink> {
    const { force, fileMode: mode } = options;
    const sink = keep(await fileSink(path, { force, mode }));
    if (plan.checksums === undefined) return sink;
    const hashing = hashed(sink, true);
    images.push(hashing);
    return hashing;
  }
}

/** The sums of images that were made, by their names. */
export function sumsOf(images: readonly HashedSink[]): ReadonlyMap<string, string> {
  return new Map(images.flatMap(({ name, sha256 }) => (sha256 ? [[name, sha256]] : [])));
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
  const { disk, plain, force = false, signal, fileMode } = request;
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
  if (found?.isBlockDevice() && (await overlaps(path, pathOfDisk(sourceName)))) {
    throw new KexportError(
      'target',
      `${path} and ${sourceName}, the disk that is exported, overlap`,
    );
  }
  if (!found) await checkNoDevice(path);
  if (found?.isBlockDevice()) return openDevice(format, path, request);
  if (!isFile) return openSpecial(path, signal);
  return fileSink(await throughLink(path), { force, mode: fileMode });
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
  const source = await stat(pathOfDisk(sourceName)).catch(() => undefined);
  if (!target || !source) return false;
  if (target.isBlockDevice()) return source.isBlockDevice() && source.rdev === target.rdev;
  return target.isFile() && source.dev === target.dev && source.ino === target.ino;
}

function openStdout(): Sink {
  if (process.stdout.isTTY) {
    throw new KexportError('usage', 'standard output is a terminal: cannot write an image to it', {
      hint: 'redirect it: kexport ... -o - > FILE',
    });
  }
  return descriptorSink(1, 'standard output');
}

/** A mistyped device would become a file in the memory that /dev is. */
async function checkNoDevice(path: string): Promise<void> {
  const folder = await realpath(dirname(path)).catch(() => '');
  if (folder !== '/dev' && (!folder.startsWith('/dev/') || folder.startsWith('/dev/shm'))) return;
  throw new KexportError('target', `there is no device ${path}`, {
    hint: 'lsblk lists the devices; images are not made in /dev',
  });
}

async function openDevice(
  format: Format,
  path: string,
  { disk: { size }, force, onWarning }: OpenRequest,
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
  const sink = await deviceSink(path, { diskSize: size });
  const rest = size === undefined ? 0 : (await blockSizeOfPath(path)) - size;
  if (rest > 0) onWarning(largerDevice(path, rest));
  return sink;
}

function largerDevice(path: string, rest: number): Warning {
  const what = `${path} is ${rest} bytes larger than the disk: what they hold stays`;
  const gpt = `the backup of a GPT is not at the end of the device`;
  const remedy = `sgdisk --move-second-header ${shellWord(path)} moves it there`;
  return new Warning('backup-gpt', `${what}, and ${gpt}; ${remedy}`);
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
