// What an incremental send stream changes, as a qcow2 image upon that of the snapshot before. Not the loop of
// `copy-blocks.ts`: its blocks are of 64 KiB and its gaps are zeros, here blocks are the volume's and a gap is what is below.

import { MIN_BLOCK_SIZE } from '../formats/zfs-send/layout.ts';
import { BLOCK_SIZE, FormatError, qcow2 } from '../formats/index.ts';
import { overlayWriter } from '../formats/qcow2/overlay-writer.ts';
import { isZero } from '../formats/zeros.ts';
import { type BackingFile, checkBackingFile } from './backing-file.ts';
import {
  type CompressorName,
  defaultCompressor,
  openCompressor,
  PACKED_SLACK,
} from './compress/compressor.ts';
import type { EncodeResult } from './encode.ts';
import { type Compression, DEFAULT_LEVELS } from './encodings.ts';
import { KexportError } from './errors.ts';
import type { Sink } from './sinks/sink.ts';
import { queuedOutput } from './queued-output.ts';
import type { SentChanges } from './zfs-send/changes.ts';
import { asKexportError } from './zfs-send/events.ts';
import type { Piece } from './zfs-send/layer.ts';

export interface OverlayOptions {
  /** What the image names as its backing file, and what was found there. */
  readonly backing: BackingFile & { readonly name: string };
  /** 1 (fastest) to 9 (smallest). */
  readonly level?: number | undefined;
  readonly compressor?: CompressorName | undefined;
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

/** Bytes of data after which what is queued is written. */
const FLUSH_SIZE = 1 << 20;
/** Around the deflate stream that a compressed cluster is, a zlib stream has a header and an Adler-32. */
const ZLIB_HEADER = 2;
const ZLIB_TRAILER = 4;

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
  const { backing, level = DEFAULT_LEVELS.zlib, signal, onProgress } = options;
  const { layer, stream } = changes;
  checkBackingFile(backing, changes);
  const clusterSize = clusterSizeOf(changes.blockSize);
  const output = queuedOutput(sink);
  const { name: file, format } = backing;
  const request = { output, clusterSize, backing: { file, format }, snapshotGuid: stream.guid };
  const writer = overlayWriter(request);
  const windowBits = options.optimize === 'size' ? 15 : 12; // QEMU writes 12 and reads 15
  const encoding = { kind: 'zlib', windowBits, level } as const;
  const name = options.compressor ?? (await defaultCompressor());
  const compressor = await openCompressor(encoding, name);
  const room = new Uint8Array(clusterSize + PACKED_SLACK);
  let end = 0;
  let queued = 0;

  for (let piece = await layer.next(signal); piece; piece = await layer.next(signal)) {
    checkClusters(piece);
    if (piece.read) await addData(piece, piece.read);
    else addZeros(piece);
    onProgress?.({ diskOffset: end, diskSize: layer.size });
  }
  const diskSize = layer.size ?? backing.diskSize;
  if (options.diskSize !== undefined && diskSize !== options.diskSize) {
    const what = `is a disk of ${diskSize} bytes, --size says ${options.diskSize}`;
    throw new KexportError('source', `${changes.name} ${what}`);
  }
  if (end > Math.ceil(diskSize / clusterSize) * clusterSize) {
    const what = `changes the disk up to byte ${end}, of a disk of ${diskSize} bytes`;
    throw new KexportError('source', `${changes.name} ${what}`);
  }
  writer.finish(diskSize);
  await output.flush(signal);
  await sink.finish(output.position, signal);
  await options.onFinished?.();
  await sink.commit();
  const length = sink.fileSize ?? output.position;
  const allocated = sink.allocated ?? length;
  const image = { format: qcow2(), name: sink.name, encoding, length, allocated };
  return { sourceSize: diskSize, diskSize, images: [image], failures: [] };

  async function addData(piece: Piece, read: NonNullable<Piece['read']>): Promise<void> {
    for (let at = 0; at < piece.length; at += clusterSize) {
      const bytes = new Uint8Array(clusterSize);
      read(at, bytes);
      const diskOffset = piece.diskOffset + at;
      if (isZero(bytes)) writer.addZeros(diskOffset, clusterSize);
      else writer.add(diskOffset, bytes, deflated(bytes));
      queued += clusterSize;
      if (queued >= FLUSH_SIZE) {
        await output.flush(signal);
        queued = 0;
      }
    }
    end = piece.diskOffset + piece.length;
  }

  /** Past the end of the backing file all is zeros by itself. */
  function addZeros({ diskOffset, length }: Piece): void {
    const known = Math.min(backing.diskSize, layer.size ?? Infinity);
    const last = Math.min(diskOffset + length, Math.ceil(known / clusterSize) * clusterSize);
    if (last <= diskOffset) return;
    writer.addZeros(diskOffset, last - diskOffset);
    end = last;
  }

  function deflated(bytes: Uint8Array): Uint8Array {
    const size = compressor.compress(bytes, room);
    return room.slice(ZLIB_HEADER, size - ZLIB_TRAILER);
  }

  function checkClusters({ diskOffset, length }: Piece): void {
    const isWhole =
      diskOffset % clusterSize === 0 && (length % clusterSize === 0 || length === Infinity);
    if (isWhole) return;
    const what = `changes ${length} bytes at ${diskOffset}, which are not whole blocks of ${clusterSize}`;
    throw new KexportError('unsupported', `${changes.name} ${what}`);
  }
}

/** The largest that a cluster holds nothing but what has changed, and that a block of the loop would be. */
function clusterSizeOf(blockSize = BLOCK_SIZE): number {
  for (let size = BLOCK_SIZE; size >= MIN_BLOCK_SIZE; size /= 2) {
    if (blockSize % size === 0) return size;
  }
  return MIN_BLOCK_SIZE;
}
