import { host } from '#host';
import type {
  Disk,
  Encoding,
  Format,
  FormatWriter,
  MachineWriter,
  WriteRequest,
} from '../../formats/index.ts';
import { KexportError, throwIfAborted } from '../errors.ts';
import type { HashThreads } from '../hash/hash-threads.ts';
import type { LongHash } from '../hash/long-hash.ts';
import { type QueuedOutput, queuedOutput } from './queued-output.ts';
import type { OnProgress } from '../sources/progress.ts';
import { crc32 } from '../runtime/crc32.ts';
import type { Sink } from '../sinks/sink.ts';
import { spooled } from '../sinks/spool.ts';
import { allSettled } from '../workers/all-settled.ts';

/** One image to make. */
export interface Target {
  /** Its format, such as `qcow2()`. */
  readonly format: Format;
  /** Where it is written to, such as `fileSink()`. */
  readonly sink: Sink;
  /**
   * Name of the image's file, for a format that stores it. Default: the name of the disk with the
   * extension of the format.
   */
  readonly fileName?: string | undefined;
}

/** An image that was made. */
export interface ImageResult {
  /** The format of the target. */
  readonly format: Format;
  /** Name of the sink. */
  readonly name: string;
  /** How its blocks are compressed; undefined if they are stored plain. */
  readonly encoding: Encoding | undefined;
  /** Length of the image in the sink, in bytes. */
  readonly length: number;
  /** Bytes that it takes up in storage: less than its length if it has holes. */
  readonly allocated: number;
  /** What its store calls it, such as `etag`; undefined for what is not in a store. */
  readonly ids?: Readonly<Record<string, string | undefined>> | undefined;
}

/** An image that is being written. */
export interface Image {
  readonly target: Target;
  readonly format: Format;
  readonly encoding: Encoding | undefined;
  readonly sink: Sink;
  readonly output: QueuedOutput;
  readonly writer: FormatWriter;
}

/** The image of a whole machine that is being written. */
export interface MachineImage extends Omit<Image, 'writer'> {
  readonly machine: MachineWriter;
}

/**
 * Starts an image of a disk, one of those `formats`. Spools it if the format has to go back and the
 * sink cannot.
 */
export async function startImage(
  target: Target,
  encoding: Encoding | undefined,
  disk: Disk,
  formats: readonly Format[],
  hashes: HashThreads,
): Promise<Image> {
  const { format, fileName } = target;
  if (disk.size !== undefined) checkDiskSize(format, disk.size, formats);
  const { place, request } = openPlace(target, encoding, disk.size, hashes);
  const writer = await format.write({ ...request, disk, fileName });
  return { target, format, encoding, ...place, writer };
}

/** The same for the image of a machine, whose format must hold several disks. */
export async function startMachine(
  target: Target,
  encoding: Encoding | undefined,
  name: string,
  disks: readonly Disk[],
  hashes: HashThreads,
): Promise<MachineImage> {
  const { format } = target;
  if (!format.machine) throw new Error(`${format.name} holds one disk`);
  const { place, request } = openPlace(target, encoding, disks[0]?.size, hashes);
  const machine = await format.machine.write({ ...request, name, disks });
  return { target, format, encoding, ...place, machine };
}

/** A place for an image, and what its writer gets of it. */
interface OpenPlace {
  readonly place: Pick<Image, 'sink' | 'output'>;
  readonly request: Omit<WriteRequest, 'disk' | 'fileName'>;
}

/** The hashes that the writer starts are flushed with the output. */
function openPlace(
  target: Target,
  encoding: Encoding | undefined,
  diskSize: number | undefined,
  hashes: HashThreads,
): OpenPlace {
  const sink = needsSpool(target, diskSize) ? spooled(target.sink) : target.sink;
  const running = new Set<LongHash>();
  const output = queuedOutput(sink, () => allSettled([...running].map((hash) => hash.flush())));
  const longHasher: WriteRequest['longHasher'] = (algorithm) => {
    const hash = hashes.open(algorithm);
    running.add(hash);
    const digest = () => {
      running.delete(hash);
      return hash.digest();
    };
    return { ...hash, digest };
  };
  const request = { encoding, output, hasher: host.hasher, longHasher, crc32 };
  return { place: { sink, output }, request };
}

function needsSpool({ format, sink }: Target, diskSize: number | undefined): boolean {
  if (format.readsBack && !sink.read) return true;
  if (sink.seekable || format.streaming === 'always') return false;
  return format.streaming === 'never' || diskSize === undefined;
}

/**
 * Throws a KexportError for a disk that is too large for the format, with those of `formats` that
 * can hold it.
 */
export function checkDiskSize(
  format: Format,
  diskSize: number,
  formats: readonly Format[] = [],
): void {
  if (diskSize <= format.maxDiskSize) return;
  const found = `the disk has ${inGib(diskSize)}, the format holds at most ${inGib(format.maxDiskSize)}`;
  const others = formats.filter(({ maxDiskSize }) => diskSize <= maxDiskSize);
  const list = others.map(({ name }) => name).join(',');
  throw new KexportError('unsupported', `${format.name}: ${found}`, {
    hint: list === '' ? undefined : `the others can hold it: ${list}`,
  });
}

function inGib(bytes: number): string {
  return `${(bytes / 2 ** 30).toFixed(1)} GiB (${bytes} bytes)`;
}

/** Writes the end of an image: what its writer has queued, and what that reads it back for. */
export async function endImage(
  { writer, output, sink, format }: Pick<Image, 'writer' | 'output' | 'sink' | 'format'>,
  diskSize: number,
  signal: AbortSignal,
  onProgress: OnProgress | undefined,
): Promise<void> {
  writer.finish(diskSize);
  if (!writer.seal) return;
  await output.flush(signal);
  const total = output.position;
  await writer.seal({
    async read(imageOffset, length) {
      throwIfAborted(signal);
      const bytes = new Uint8Array(length);
      await readSoFar(sink, imageOffset, bytes);
      onProgress?.({ phase: 'hashing', done: imageOffset + length, total, format: format.name });
      return bytes;
    },
  });
}

/** Fills a buffer with what was written. After the end of the file there are zeros to come. */
async function readSoFar(sink: Sink, imageOffset: number, target: Uint8Array): Promise<void> {
  for (let at = 0; at < target.length;) {
    const count = (await sink.read?.(imageOffset + at, target.subarray(at))) ?? 0;
    if (count === 0) return;
    at += count;
  }
}

/** Makes an image durable once its writer has finished. It does not have its final name yet. */
export async function finishImage(
  { format, encoding, sink, output }: Omit<Image, 'target' | 'writer'>,
  signal: AbortSignal | undefined,
  onProgress?: OnProgress,
): Promise<ImageResult> {
  await output.flush(signal);
  await sink.finish(output.position, signal, (state) =>
    onProgress?.({ ...state, format: format.name }),
  );
  const length = sink.fileSize ?? output.position;
  return { format, name: sink.name, encoding, length, allocated: sink.allocated ?? length };
}
