// Exports one disk to several images: prepares the loop in `copy-blocks.ts`, and finishes the
// images after it.

import { host } from '#host';
import type { Disk, Format } from '../../formats/index.ts';
import { type CompressorName, COMPRESSORS } from '../compress/compressor.ts';
import { defaultCompressor } from '../compress/open-compressor.ts';
import type { BlockMap } from '../../formats/bmap/index.ts';
import { copyBlocks, type CopyRequest } from './copy-blocks.ts';
import type { Sink } from '../sinks/sink.ts';
import { roundUp, wholeSectors } from '../../formats/rounding.ts';
import { checkCompression, chooseEncodings, type Compression } from './encodings.ts';
import { diskDigest } from './disk-digest.ts';
import {
  KexportError,
  type OnWarning,
  throwIfAborted,
  unexpectedFailure,
  Warning,
} from '../errors.ts';
import { endImage, finishImage, type ImageResult, startImage, type Target } from './image.ts';
import { type Failure, imageSet, type ImageSet } from './image-set.ts';
import { prepareSource, sizeMultiple } from './prepare-source.ts';
import type { Source } from '../sources/source.ts';
import type { OnProgress } from '../sources/progress.ts';

/** Options of {@link encode}. */
export type EncodeOptions = EncodeSettings & Compression;

/** Options of {@link encode} besides those of the compression. */
export interface EncodeSettings {
  /**
   * Identity of the disk, for formats that record one. Default: the time of the export and a random
   * uuid.
   */
  readonly identity?: Partial<Identity> | undefined;
  /** Worker threads that compress. Default: one for each processor. */
  readonly threads?: number | undefined;
  /** Implementation of zlib. Default: the first of COMPRESSORS that this Node can run. */
  readonly compressor?: CompressorName | undefined;
  /** Aborts the export; `encode` then throws a KexportError `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Leaves a GPT as it is if the size of the disk is rounded up. Default: moves its backup to the
   * new end.
   */
  readonly keepGpt?: boolean | undefined;
  /**
   * If an image fails, continues with the others and lists it in `EncodeResult.failures`. Default:
   * discards all images.
   */
  readonly keepGoing?: boolean | undefined;
  /**
   * Reads every image back before it gets its name, and fails if one is not the disk that was read.
   */
  readonly verify?: boolean | undefined;
  /**
   * Where a block map of the disk is written to, for bmaptool to write raw images by: what the
   * source says was never stored is left out of it. Its sink gets its name with the images.
   */
  readonly bmap?: Sink | undefined;
  /**
   * Called once every image is complete but before any gets its name. If it throws, all images are
   * discarded.
   */
  readonly onFinished?: (() => Promise<void>) | undefined;
  /** Called once every image has its name. If it throws, all images are discarded. */
  readonly onCommitted?: (() => Promise<void>) | undefined;
  /** Called with a warning if an image may not be what the user expects. */
  readonly onWarning?: OnWarning | undefined;
  /** Called in each phase of the run: while writing, after at most 8 MiB of data. */
  readonly onProgress?: OnProgress | undefined;
}

/** See `Disk` in the formats' contract. */
export type Identity = Pick<Disk, 'name' | 'uuid' | 'createdAt'>;

/** Result of {@link encode}. */
export interface EncodeResult {
  /** Size of the disk in the source, in bytes. */
  readonly sourceSize: number;
  /**
   * Size of the disk in every image, in bytes: `sourceSize` rounded up to a size that every format
   * can have.
   */
  readonly diskSize: number;
  /** The images that did not fail, in the order of the targets. */
  readonly images: readonly ImageResult[];
  /** The images that failed; empty without `keepGoing`. */
  readonly failures: readonly Failure[];
}

/**
 * Makes images of a disk, all from one read. Owns the source and the sinks: when it returns, every
 * image has its final name; when it throws, none is left behind. Throws a KexportError for every
 * failure that is not a bug.
 */
export async function encode(
  source: Source,
  targets: readonly Target[],
  options: EncodeOptions = {},
): Promise<EncodeResult> {
  const stop = new AbortController();
  const unlink = link(options.signal, stop);
  const images = imageSet(targets, options.keepGoing ?? false);
  try {
    const formats = targets.map(({ format }) => format);
    const disk = await prepare(source, targets, options, stop.signal);
    const streamed = disk.size === undefined;
    const digest = options.verify ? diskDigest() : undefined;
    const blockMap = options.bmap && (await openBlockMap(disk));
    try {
      await startAndCopy(disk, targets, images, { ...options, digest, blockMap }, stop);
    } finally {
      await disk.close();
    }
    const sizes = finalSizes(source, formats, streamed, options.onWarning);
    const { diskSize } = sizes;
    const results = await finishAll(images, diskSize, stop.signal, options.onProgress);
    if (digest) {
      const { verifyAll } = await import('./verify-written.ts');
      await verifyAll(images, results, {
        diskSize,
        digest: digest.result(),
        threads: options.threads,
        onProgress: options.onProgress,
        signal: stop.signal,
      });
    }
    if (options.bmap) await writeWhole(options.bmap, blockMap?.finish(diskSize), stop.signal);
    await options.onFinished?.();
    throwIfAborted(stop.signal);
    await images.commit();
    await options.bmap?.commit();
    await options.onCommitted?.();
    await images.settle();
    await options.bmap?.settle?.();
    const failed = new Set(images.failures.map(({ target }) => target));
    const finished = targets.flatMap((target) =>
      failed.has(target) ? [] : (results.get(target) ?? []),
    );
    return { ...sizes, images: finished, failures: images.failures };
  } catch (error) {
    await Promise.all([images.discard(), options.bmap?.discard()]);
    throw unexpectedFailure(`cannot export ${source.name}`, error);
  } finally {
    unlink();
  }
}

/** Imported on demand: loading the XML library takes long. */
async function openBlockMap({ gaps }: Source): Promise<BlockMap> {
  const { blockMap } = await import('../../formats/bmap/index.ts');
  return blockMap({ hasUnallocated: gaps === 'unallocated', hasher: host.hasher });
}

async function writeWhole(
  sink: Sink,
  bytes: Uint8Array = new Uint8Array(),
  signal: AbortSignal,
): Promise<void> {
  await sink.write(0, [bytes], signal);
  await sink.finish(bytes.length, signal);
}

async function prepare(
  source: Source,
  targets: readonly Target[],
  options: EncodeOptions,
  signal: AbortSignal,
): Promise<Source> {
  try {
    checkOptions(targets, options);
    if (options.verify) {
      // Imported on demand: it needs the readers of all formats, and most exports are not verified.
      const { checkVerifiable } = await import('./verify-written.ts');
      targets.forEach(checkVerifiable);
    }
    const formats = targets.map(({ format }) => format);
    checkCompression(formats, options);
  } catch (error) {
    await source.close();
    throw error;
  }
  const formats = targets.map(({ format }) => format);
  return prepareSource(source, formats, { ...options, signal });
}

async function startAndCopy(
  source: Source,
  targets: readonly Target[],
  images: ImageSet,
  options: EncodeOptions & Pick<CopyRequest, 'digest' | 'blockMap'>,
  stop: AbortController,
): Promise<void> {
  const { threads = host.availableParallelism(), onProgress } = options;
  const compressor = options.compressor ?? defaultCompressor();
  const formats = targets.map(({ format }) => format);
  const encodings = chooseEncodings(formats, options);
  const { identity } = options;
  const given = Object.entries<unknown>(identity ?? {}).filter(([, value]) => value !== undefined);
  const { size, snapshotGuid } = source;
  const disk = { ...newIdentity(), ...Object.fromEntries(given), size, snapshotGuid };
  await images.start((target) => startImage(target, encodings.of(target.format), disk, formats));
  const { distinct } = encodings;
  const { digest, blockMap } = options;
  await copyBlocks({
    source,
    images,
    encodings: distinct,
    threads,
    compressor,
    stop,
    onProgress,
    digest,
    blockMap,
  });
}

async function finishAll(
  images: ImageSet,
  diskSize: number,
  signal: AbortSignal,
  onProgress: OnProgress | undefined,
): Promise<Map<Target, ImageResult>> {
  const results = new Map<Target, ImageResult>();
  await images.each(async (image) => {
    await endImage(image, diskSize, signal, onProgress);
    results.set(image.target, await finishImage(image, signal, onProgress));
  });
  return results;
}

/** `streamed`: the size was not known when the first block was read. */
function finalSizes(
  { name, size: sourceSize }: Source,
  formats: readonly Format[],
  streamed: boolean,
  onWarning: EncodeOptions['onWarning'],
): { sourceSize: number; diskSize: number } {
  if (sourceSize === undefined) throw new Error(`${name} has ended without a size`);
  const diskSize = roundUp(sourceSize, sizeMultiple(formats));
  if (streamed && diskSize !== wholeSectors(sourceSize)) {
    onWarning?.(
      new Warning(
        'backup-gpt',
        `${name}: rounded up from ${sourceSize} to ${diskSize} bytes; the size of a pipe is known too late to move the \
backup of a GPT to the new end (sgdisk -e does it in the machine; where the size is stated, it is moved)`,
      ),
    );
  }
  return { sourceSize, diskSize };
}

function checkOptions(targets: readonly Target[], options: EncodeOptions): void {
  const { threads = 1, compressor = 'wasm' } = options;
  const refuse = (what: string) => {
    throw new KexportError('usage', what);
  };
  if (targets.length === 0) refuse('no image was requested');
  if (!Number.isInteger(threads) || threads < 1) refuse(`${threads} threads are not 1 or more`);
  if (!COMPRESSORS.includes(compressor)) refuse(`unknown compressor "${compressor}"`);
}

function newIdentity(): Identity {
  return { name: 'kexport', uuid: randomUuid(), createdAt: Math.floor(Date.now() / 1000) };
}

/** RFC 9562, section 5.4: random bits, apart from the version, 4, and the variant. */
function randomUuid(): Uint8Array {
  const uuid = crypto.getRandomValues(new Uint8Array(16));
  const view = new DataView(uuid.buffer);
  view.setUint8(6, (view.getUint8(6) & 0x0f) | 0x40);
  view.setUint8(8, (view.getUint8(8) & 0x3f) | 0x80);
  return uuid;
}

/** Forwards an abort of the caller to `stop`. Returns a function that ends this. */
function link(signal: AbortSignal | undefined, stop: AbortController): () => void {
  const pass = () => {
    stop.abort(signal?.reason);
  };
  if (signal?.aborted) pass();
  signal?.addEventListener('abort', pass);
  return () => signal?.removeEventListener('abort', pass);
}
