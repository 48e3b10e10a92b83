// What an incremental send stream changes, as a qcow2 image upon that of the snapshot before. Not the loop of
// `copy-blocks.ts`: its blocks are of 64 KiB and its gaps are zeros, here blocks are the volume's and a gap is what is below.

import { host } from '#host';
import { MIN_BLOCK_SIZE } from '../../formats/zfs-send/layout.ts';
import { BLOCK_SIZE, FormatError, qcow2 } from '../../formats/index.ts';
import { overlayWriter } from '../../formats/qcow2/overlay-writer.ts';
import { type BackingFile } from '../images/backing-file.ts';
import { checkBackingFile } from '../zfs-send/check-base.ts';
import { type ClusterQueue, clusterQueue } from './cluster-queue.ts';
import type { CompressorName } from '../compress/compressor.ts';
import { defaultCompressor } from '../compress/open-compressor.ts';
import { roundUp } from '../../formats/rounding.ts';
import type { EncodeResult } from './encode.ts';
import { type Compression, DEFAULT_LEVELS } from './encodings.ts';
import { KexportError } from '../errors.ts';
import { finishImage } from './image.ts';
import type { Sink } from '../sinks/sink.ts';
import { queuedOutput } from './queued-output.ts';
import type { SentChanges } from '../zfs-send/changes.ts';
import { asKexportError } from '../zfs-send/events.ts';

export interface OverlayOptions {
  /** What the image names as its backing file, and what was found there. */
  readonly backing: BackingFile & { readonly name: string };
  /** 1 (fastest) to 9 (smallest). */
  readonly level?: number | undefined;
  readonly compressor?: CompressorName | undefined;
  /** Worker threads that compress. Default: one for each processor. */
  readonly threads?: number | undefined;
  /** See `Compression`. */
  readonly optimize?: Compression['optimize'];
  /** What the size of the disk must be, in bytes. */
  readonly diskSize?: number | undefined;
  readonly signal: AbortSignal;
  readonly onProgress?:
    ((progress: { diskOffset: number; diskSize: number | undefined }) => void) | undefined;
  /** Called when the image is complete but has not its name yet. */
  readonly onFinished?: (() => Promise<void>) | undefined;
}

/** Writes an overlay. Takes over the changes and the sink; throws a KexportError, and leaves nothing then. */
export async function encodeOverlay(
  changes: SentChanges,
  sink: Sink,
  options: OverlayOptions,
): Promise<EncodeResult> {
  try {
    return await asKexportError(changes.name, () => write(changes, sink, options));
  } catch (error) {
    await sink.discard();
    throw error instanceof FormatError
      ? new KexportError('unsupported', error.message, { cause: error })
      : error;
  } finally {
    await changes.close();
  }
}

async function write(
  changes: SentChanges,
  sink: Sink,
  options: OverlayOptions,
): Promise<EncodeResult> {
  const { backing, level = DEFAULT_LEVELS.zlib, signal } = options;
  checkBackingFile(backing, changes);
  const clusterSize = clusterSizeOf(changes.blockSize);
  const output = queuedOutput(sink);
  const { name: file, format } = backing;
  const snapshotGuid = changes.stream.guid;
  const writer = overlayWriter({ output, clusterSize, backing: { file, format }, snapshotGuid });
  const windowBits = options.optimize === 'size' ? 15 : 12; // QEMU writes 12 and reads 15
  const encoding = { kind: 'zlib', windowBits, level } as const;
  const compressor = options.compressor ?? (await defaultCompressor());
  const { threads = host.availableParallelism() } = options;
  const packing = { encoding, compressor, threads };
  const queue = clusterQueue({ writer, output, clusterSize, signal, ...packing });
  let dataEnd: number;
  try {
    dataEnd = await addPieces(changes, queue, clusterSize, options);
    await queue.end();
  } finally {
    await queue.close();
  }
  const diskSize = sizeOf(changes, dataEnd, options);
  writer.finish(diskSize);
  const image = await finishImage({ format: qcow2(), encoding, sink, output }, signal);
  await options.onFinished?.();
  await sink.commit();
  return { sourceSize: diskSize, diskSize, images: [image], failures: [] };
}

/** Returns where the last data end, in bytes. */
async function addPieces(
  { name, layer }: SentChanges,
  queue: ClusterQueue,
  clusterSize: number,
  { backing, signal, onProgress }: OverlayOptions,
): Promise<number> {
  let dataEnd = 0;
  for (let piece = await layer.next(signal); piece; piece = await layer.next(signal)) {
    const { diskOffset, length, read } = piece;
    if (diskOffset % clusterSize !== 0 || (length !== Infinity && length % clusterSize !== 0)) {
      const what = `changes ${length} bytes at ${diskOffset}, which are not whole blocks of ${clusterSize}`;
      throw new KexportError('unsupported', `${name} ${what}`);
    }
    // Past the end of the backing file all is zeros by itself.
    const known = roundUp(Math.min(backing.diskSize, layer.size ?? Infinity), clusterSize);
    const end = read ? diskOffset + length : Math.min(diskOffset + length, known);
    if (read) {
      for (let at = 0; at < length; at += clusterSize) {
        await queue.add(diskOffset + at, (cluster) => read(at, cluster));
      }
      dataEnd = end;
    } else if (end > diskOffset) await queue.addZeros(diskOffset, end - diskOffset);
    onProgress?.({ diskOffset: end, diskSize: layer.size });
  }
  return dataEnd;
}

/** Of the disk, in bytes. */
function sizeOf(
  { name, layer }: SentChanges,
  dataEnd: number,
  { backing, diskSize: stated }: OverlayOptions,
): number {
  const diskSize = layer.size ?? backing.diskSize;
  if (stated !== undefined && diskSize !== stated) {
    const what = `is a disk of ${diskSize} bytes, --size says ${stated}`;
    throw new KexportError('source', `${name} ${what}`);
  }
  if (dataEnd > diskSize) {
    const what = `changes the disk up to byte ${dataEnd}, of a disk of ${diskSize} bytes`;
    throw new KexportError('source', `${name} ${what}`);
  }
  return diskSize;
}

/** The largest that a cluster holds nothing but what has changed, and that a block of the loop would be. */
function clusterSizeOf(blockSize = BLOCK_SIZE): number {
  for (let size = BLOCK_SIZE; size >= MIN_BLOCK_SIZE; size /= 2) {
    if (blockSize % size === 0) return size;
  }
  return MIN_BLOCK_SIZE;
}
