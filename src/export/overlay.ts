// Writes the changes of an incremental send stream as a qcow2 overlay on the image of the snapshot
// before. It cannot use the loop of `copy-blocks.ts`, whose blocks are 64 KiB and whose gaps are
// zeros: here the blocks are those of the volume, and a gap shows the backing file.

import { host } from '#host';
import { MIN_BLOCK_SIZE } from '../../formats/zfs-send/layout.ts';
import { BLOCK_SIZE, qcow2 } from '../../formats/index.ts';
import { overlayWriter } from '../../formats/qcow2/overlay-writer.ts';
import { type BackingFile, inspectBackingFile } from '../images/backing-file.ts';
import { checkBackingFile } from '../zfs-send/check-base.ts';
import { type ClusterQueue, clusterQueue } from './cluster-queue.ts';
import type { CompressorName } from '../compress/compressor.ts';
import { defaultCompressor } from '../compress/open-compressor.ts';
import { roundUp } from '../../formats/rounding.ts';
import type { EncodeResult } from './encode.ts';
import { type CompressionOptions, DEFAULT_LEVELS, type ZlibLevel } from './encodings.ts';
import { KexportError, option, unexpectedFailure, wording } from '../errors.ts';
import { finishImage } from './image.ts';
import type { OnProgress } from '../sources/progress.ts';
import { settle, type Sink } from '../sinks/sink.ts';
import { spooled } from '../sinks/spool.ts';
import { queuedOutput } from './queued-output.ts';
import type { SentChanges } from '../zfs-send/changes.ts';
import { withStreamErrors } from '../zfs-send/events.ts';

/** Options of {@link encodeOverlay}. */
export interface OverlayOptions {
  /**
   * The image or disk of the snapshot that the stream starts from: qcow2 if its name says so, else
   * raw. Only its head is read.
   */
  readonly backingFile: string;
  /**
   * Its name in the overlay: an absolute path, or one relative to the folder of the overlay.
   * Default: `backingFile`.
   */
  readonly backingName?: string | undefined;
  /** Default 6. */
  readonly level?: ZlibLevel | undefined;
  /** `size` uses a deflate window of 32 KiB, `speed`, the default, one of 4 KiB. */
  readonly optimize?: CompressionOptions['optimize'];
  /** Implementation of zlib. Default: the first of {@link COMPRESSORS} that this Node can run. */
  readonly compressor?: CompressorName | undefined;
  /** Worker threads that compress. Default: one for each processor. */
  readonly threads?: number | undefined;
  /** The size that the disk must have, in bytes. */
  readonly size?: number | undefined;
  /** Aborts the export with a KexportError `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each extent of changes. */
  readonly onProgress?: OnProgress | undefined;
  /**
   * Called once the image is complete but before it gets its name. If it throws, the image is
   * discarded.
   */
  readonly onFinished?: (() => Promise<void>) | undefined;
  /** Called once the image has its name. If it throws, the image is discarded. */
  readonly onCommitted?: (() => Promise<void>) | undefined;
}

/**
 * Writes the changes of an incremental send stream as a qcow2 overlay on the image of the snapshot
 * before. Owns the changes and the sink. Throws a KexportError, and leaves nothing behind then.
 */
export async function encodeOverlay(
  changes: SentChanges,
  target: Sink,
  options: OverlayOptions,
): Promise<EncodeResult> {
  // The header is written last.
  const sink = target.seekable ? target : spooled(target);
  try {
    return await withStreamErrors(changes.name, () => write(changes, sink, options));
  } catch (error) {
    await sink.discard();
    throw unexpectedFailure(`cannot export ${changes.name}`, error);
  } finally {
    await changes.close();
  }
}

async function write(
  changes: SentChanges,
  sink: Sink,
  options: OverlayOptions,
): Promise<EncodeResult> {
  const { backingFile, backingName = backingFile, level = DEFAULT_LEVELS.zlib, signal } = options;
  const below = await inspectBackingFile(backingFile);
  checkBackingFile(below, changes);
  const clusterSize = clusterSizeOf(changes.blockSize);
  const output = queuedOutput(sink);
  const backing = { file: backingName, format: below.format };
  const snapshotGuid = changes.stream.guid;
  const writer = overlayWriter({ output, clusterSize, backing, snapshotGuid });
  const windowBits = options.optimize === 'size' ? 15 : 12; // QEMU writes 12 and reads 15
  const encoding = { kind: 'zlib', windowBits, level } as const;
  const compressor = options.compressor ?? defaultCompressor();
  const { threads = host.availableParallelism() } = options;
  const packing = { encoding, compressor, threads };
  const queue = clusterQueue({ writer, output, clusterSize, signal, ...packing });
  let dataEnd: number;
  try {
    dataEnd = await addPieces(changes, queue, { ...options, below, clusterSize });
    await queue.end();
  } finally {
    await queue.close();
  }
  const diskSize = sizeOf(changes, dataEnd, { ...options, below });
  writer.finish(diskSize);
  const image = await finishImage(
    { format: qcow2(), encoding, sink, output },
    signal,
    options.onProgress,
  );
  await options.onFinished?.();
  await sink.commit();
  await options.onCommitted?.();
  await settle(sink);
  return { sourceSize: diskSize, diskSize, images: [image], failures: [] };
}

interface Upon extends OverlayOptions {
  /** Facts of the backing file. */
  readonly below: BackingFile;
}

/** Returns the offset where the last data ends, in bytes. */
async function addPieces(
  { name, layer }: SentChanges,
  queue: ClusterQueue,
  { below, clusterSize, signal, onProgress }: Upon & { readonly clusterSize: number },
): Promise<number> {
  let dataEnd = 0;
  for (let piece = await layer.next(signal); piece; piece = await layer.next(signal)) {
    const { diskOffset, length, read } = piece;
    if (diskOffset % clusterSize !== 0 || (length !== Infinity && length % clusterSize !== 0)) {
      const what = `changes ${length} bytes at ${diskOffset}, which are not whole blocks of ${clusterSize}`;
      throw new KexportError('unsupported', `${name} ${what}`);
    }
    // Past the end of the backing file the overlay reads as zeros without an entry.
    const known = roundUp(Math.min(below.diskSize, layer.size ?? Infinity), clusterSize);
    const end = read ? diskOffset + length : Math.min(diskOffset + length, known);
    if (read) {
      for (let at = 0; at < length; at += clusterSize) {
        await queue.add(diskOffset + at, (cluster) => read(at, cluster));
      }
      dataEnd = end;
    } else if (end > diskOffset) await queue.addZeros(diskOffset, end - diskOffset);
    onProgress?.({ phase: 'writing', done: end, total: layer.size });
  }
  return dataEnd;
}

/** Size of the disk, in bytes. */
function sizeOf(
  { name, layer }: SentChanges,
  dataEnd: number,
  { below, size: stated }: Upon,
): number {
  const diskSize = layer.size ?? below.diskSize;
  if (stated !== undefined && diskSize !== stated) {
    const what = `is a disk of ${diskSize} bytes`;
    throw new KexportError('source', wording`${name} ${what}, ${option('size')} says ${stated}`);
  }
  if (dataEnd > diskSize) {
    const what = `changes the disk up to byte ${dataEnd}, of a disk of ${diskSize} bytes`;
    throw new KexportError('source', `${name} ${what}`);
  }
  return diskSize;
}

/**
 * The largest cluster that divides a block of the volume, so that clusters hold nothing that has
 * not changed; at most BLOCK_SIZE.
 */
function clusterSizeOf(blockSize = BLOCK_SIZE): number {
  for (let size = BLOCK_SIZE; size >= MIN_BLOCK_SIZE; size /= 2) {
    if (blockSize % size === 0) return size;
  }
  return MIN_BLOCK_SIZE;
}
