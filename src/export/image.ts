import { host } from '#host';
import type { Disk, Encoding, Format, FormatWriter } from '../../formats/index.ts';
import { KexportError } from '../errors.ts';
import { type QueuedOutput, queuedOutput } from './queued-output.ts';
import type { Sink } from '../sinks/sink.ts';
import { spooled } from '../sinks/spool.ts';

/** One image to make. */
export interface Target {
  /** What it is, as of `qcow2()`. */
  readonly format: Format;
  /** Where it goes, as of `fileSink()`. */
  readonly sink: Sink;
}

/** What became of a target. */
export interface ImageResult {
  /** That of the target. */
  readonly format: Format;
  /** Name of the sink. */
  readonly name: string;
  /** How its blocks are compressed; undefined if they are stored plain. */
  readonly encoding: Encoding | undefined;
  /** Length of what the sink holds in bytes. */
  readonly length: number;
  /** Bytes that it takes up where it lies: less than its length if it has holes. */
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

/** Starts an image of a disk, spooled if its format and sink cannot do without. */
export async function startImage(
  target: Target,
  encoding: Encoding | undefined,
  disk: Disk,
): Promise<Image> {
  const { format } = target;
  if (disk.size !== undefined) checkDiskSize(format, disk.size);
  const sink = needsSpool(target, disk.size) ? spooled(target.sink) : target.sink;
  const output = queuedOutput(sink);
  const writer = await format.write({ disk, encoding, output, hasher: host.hasher });
  return { target, format, encoding, sink, output, writer };
}

function needsSpool({ format, sink }: Target, diskSize: number | undefined): boolean {
  if (sink.seekable || format.streaming === 'always') return false;
  return format.streaming === 'never' || diskSize === undefined;
}

/** Refuses a disk that a format cannot hold. */
export function checkDiskSize(format: Format, diskSize: number): void {
  if (diskSize <= format.maxDiskSize) return;
  throw new KexportError(
    'unsupported',
    `${format.name}: the disk has ${diskSize} bytes, the format holds at most ${format.maxDiskSize}`,
  );
}

/** Makes an image durable whose writer has finished; it does not have its final name yet. */
export async function finishImage(
  { format, encoding, sink, output }: Omit<Image, 'target' | 'writer'>,
  signal: AbortSignal | undefined,
): Promise<ImageResult> {
  await output.flush(signal);
  await sink.finish(output.position, signal);
  const length = sink.fileSize ?? output.position;
  return { format, name: sink.name, encoding, length, allocated: sink.allocated ?? length };
}
