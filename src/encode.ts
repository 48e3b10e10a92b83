// One disk in, several images out: what is decided before the loop in `copy-blocks.ts`, and what follows it.

import { randomUUID } from 'node:crypto';
import { availableParallelism } from 'node:os';
import type { Disk, Encoding } from '../formats/index.ts';
import { type CompressorName, defaultCompressor } from './compress/compressor.ts';
import { copyBlocks } from './copy-blocks.ts';
import { throwIfAborted } from './errors.ts';
import {
  finishImage,
  type Image,
  type ImageResult,
  startImage,
  type Target,
  wholeSectors,
} from './image.ts';
import type { Source } from './sources/source.ts';

export interface EncodeOptions {
  /** What the images tell of the disk where their formats do. Default: the export's time and a random uuid. */
  readonly identity?: Partial<Identity> | undefined;
  /** Of compression, 1 (fastest) to 9 (smallest). Default DEFAULT_LEVEL. */
  readonly level?: number | undefined;
  /** Worker threads that compress. Default: one for each processor. */
  readonly threads?: number | undefined;
  /** Who compresses. Default: node:zlib, or pako where Node lacks it. */
  readonly compressor?: CompressorName | undefined;
  /** Ends the export early; `encode` then throws a KexportError with code `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each stretch of the disk, at most a MiB of data. */
  readonly onProgress?: ((progress: Progress) => void) | undefined;
}

/** See `Disk` in the formats' contract. */
export type Identity = Pick<Disk, 'name' | 'uuid' | 'createdAt'>;

/** How far an export has come, in bytes. */
export interface Progress {
  readonly diskOffset: number;
  /** Undefined while the source has not told its size. */
  readonly diskSize: number | undefined;
}

export interface EncodeResult {
  /** Size of the disk as the source has it, in bytes. */
  readonly sourceSize: number;
  /** Size of the disk in every image: `sourceSize`, padded with zeros to a whole sector. */
  readonly diskSize: number;
  /** One for each target, in their order. */
  readonly images: readonly ImageResult[];
}

export const DEFAULT_LEVEL = 6;

/**
 * Makes images of a disk, all from one read. Takes over the source and the sinks: when it returns, every image
 * has its final name; when it throws, none is left. Throws a KexportError for all that is not a bug.
 */
export async function encode(
  source: Source,
  targets: readonly Target[],
  options: EncodeOptions = {},
): Promise<EncodeResult> {
  const { level = DEFAULT_LEVEL, threads = availableParallelism(), onProgress } = options;
  const stop = new AbortController();
  const unlink = link(options.signal, stop);
  const images: Image[] = [];
  try {
    const encodings: Encoding[] = [];
    const size = source.size === undefined ? undefined : wholeSectors(source.size);
    const disk = { ...newIdentity(), ...options.identity, size };
    for (const target of targets) {
      const encoding = shared(encodings, target.format.encoding({ level }));
      images.push(startImage(target, encoding, disk));
    }
    const compressor = options.compressor ?? (await defaultCompressor());
    await copyBlocks({ source, images, encodings, threads, compressor, stop, onProgress });
    const result = await finishImages(source, images, stop.signal);
    for (const { sink } of images) await sink.commit();
    return result;
  } catch (error) {
    const sinks = new Set([...targets, ...images].map(({ sink }) => sink));
    await Promise.allSettled([...sinks].map((sink) => sink.discard()));
    throw error;
  } finally {
    unlink();
    await source.close();
  }
}

function newIdentity(): Identity {
  const uuid = Buffer.from(randomUUID().replaceAll('-', ''), 'hex');
  return { name: 'kexport', uuid, createdAt: Math.floor(Date.now() / 1000) };
}

/** Passes an abort of the caller's on. Returns the call that ends this. */
function link(signal: AbortSignal | undefined, stop: AbortController): () => void {
  const pass = () => {
    stop.abort(signal?.reason);
  };
  if (signal?.aborted) pass();
  signal?.addEventListener('abort', pass);
  return () => signal?.removeEventListener('abort', pass);
}

/** The encoding of the list that equals the wanted one, which is added if there is none. */
function shared(encodings: Encoding[], wanted: Encoding | undefined): Encoding | undefined {
  if (!wanted) return undefined;
  const found = encodings.find(
    ({ windowBits, level }) => windowBits === wanted.windowBits && level === wanted.level,
  );
  if (!found) encodings.push(wanted);
  return found ?? wanted;
}

async function finishImages(
  { name, size: sourceSize }: Source,
  images: readonly Image[],
  signal: AbortSignal,
): Promise<EncodeResult> {
  if (sourceSize === undefined) throw new Error(`${name} has ended without telling its size`);
  const diskSize = wholeSectors(sourceSize);
  const results: ImageResult[] = [];
  for (const image of images) results.push(await finishImage(image, diskSize, signal));
  throwIfAborted(signal);
  return { sourceSize, diskSize, images: results };
}
