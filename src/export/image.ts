import { host } from '#host';
import type { Disk, Encoding, Format, FormatWriter } from '../../formats/index.ts';
import { KexportError } from '../errors.ts';
import { type QueuedOutput, queuedOutput } from './queued-output.ts';
import type { OnProgress } from '../sources/progress.ts';
import { crc32 } from '../runtime/crc32.ts';
import type { Sink } from '../sinks/sink.ts';
import { spooled } from '../sinks/spool.ts';

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

/** Starts an image of a disk. Spools it if the format has to go back and the sink cannot. */
export async function startImage(
  target: Target,
  encoding: Encoding | undefined,
  disk: Disk,
): Promise<Image> {
  const { format, fileName } = target;
  if (disk.size !== undefined) checkDiskSize(format, disk.size);
  const sink = needsSpool(target, disk.size) ? spooled(target.sink) : target.sink;
  const output = queuedOutput(sink);
  const { hasher } = host;
  const request = { disk, fileName, encoding, output, hasher, crc32 };
  const writer = await format.write(request);
  return { target, format, encoding, sink, output, writer };
}

function needsSpool({ format, sink }: Target, diskSize: number | undefined): boolean {
  if (sink.seekable || format.streaming === 'always') return false;
  return format.streaming === 'never' || diskSize === undefined;
}

/** Throws a KexportError for a disk that is too large for the format. */
export function checkDiskSize(format: Format, diskSize: number): void {
  if (diskSize <= format.maxDiskSize) return;
  throw new KexportError(
    'unsupported',
    `${format.name}: the disk has ${diskSize} bytes, the format holds at most ${format.maxDiskSize}`,
  );
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
