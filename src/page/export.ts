// Makes the images that the page asks for, as `kexport FORMATS` does it.

import { host } from '#host';
import { createFormat } from '../cli/export/create-format.ts';
import type { Options } from '../cli/options/options.ts';
import { type OnWarning, throwIfAborted } from '../errors.ts';
import { encode } from '../export/encode.ts';
import { compressionOf } from '../export/encodings.ts';
import type { Target } from '../export/image.ts';
import { ownHash } from '../hash/long-hash.ts';
import { blobStream } from '../images/blob-stream.ts';
import { openSource } from '../open/open-in-browser.ts';
import { browserFileSink } from '../sinks/browser-file.ts';
import { hashed, type HashedSink } from '../sinks/hashed.ts';
import { memorySink } from '../sinks/memory.ts';
import type { Sink } from '../sinks/sink.ts';
import type { Source } from '../sources/source.ts';
import { storedSink } from '../sinks/stored.ts';
import type { OnProgress } from '../sources/progress.ts';
import type { Exported, ExportRequest, FilePlace, MadeImage, WantedImage } from './protocol.ts';
import { hasherOf, imageHasher } from './hasher.ts';
import { sourceOptions } from './source-options.ts';
import { storage } from './storage.ts';

/** How far a request has come is told to these. */
export interface Listeners {
  readonly signal: AbortSignal;
  readonly onProgress: OnProgress;
  readonly onWarning: OnWarning;
}

/** An image under way. */
interface Place {
  readonly sink: HashedSink | Sink;
  /** The image, once it is made. */
  readonly file: () => Promise<Blob>;
  readonly isDownload: boolean;
}

/** Answers `export`. Throws a KexportError; nothing is left then. */
export async function exportImages(
  { file, name, options, images }: ExportRequest,
  listeners: Listeners,
): Promise<Exported> {
  const { signal, onProgress, onWarning } = listeners;
  const places: Place[] = [];
  let source: Source | undefined;
  let targets: Target[];
  try {
    source = await openSource(file, { ...sourceOptions(options), signal, onWarning });
    for (const image of images) places.push(await openPlace(image, options, source.size));
    targets = images.map(({ format, fileName }, index) => ({
      format: createFormat(format, options),
      sink: places[index]!.sink, // one of each image
      fileName,
    }));
  } catch (error) {
    await source?.close();
    await Promise.all(places.map(({ sink }) => sink.discard()));
    for (const { place } of images) await removeEmpty(place);
    throw error;
  }
  const { threads, keepGpt } = options;
  const compression = compressionOf({ level: options.level, optimize: options.optimize });
  const run = {
    ...compression,
    threads,
    keepGpt,
    signal,
    onProgress,
    onWarning,
    identity: { name },
  };
  await encode(source, targets, run);
  const made: MadeImage[] = [];
  for (const [index, place] of places.entries()) {
    made.push(await madeImage(images[index]!.fileName, place, listeners)); // one of each
  }
  return { kind: 'export', images: made };
}

async function openPlace(
  { format, fileName, place }: WantedImage,
  options: Options,
  diskSize: number | undefined,
): Promise<Place> {
  const { streaming } = createFormat(format, options);
  const inOrder = streaming === 'always' || (streaming === 'size-first' && diskSize !== undefined);
  const hash = ownHash(await imageHasher());
  const wrap = (sink: Sink) => (inOrder ? hashed(sink, true, hash) : sink);
  if (place) {
    const sink = await chosenSink(place, fileName);
    return { sink: wrap(sink), file: () => place.getFile(), isDownload: false };
  }
  const folder = await storage();
  if (folder) {
    const name = `kexport-${crypto.randomUUID()}.image`;
    const sink = await storedSink(folder, name);
    const file = async () => (await folder.getFileHandle(name, { create: false })).getFile();
    return { sink: wrap(sink), file, isDownload: true };
  }
  const sink = memorySink({ name: fileName });
  const file = () => Promise.resolve(new Blob([sink.bytes() as Uint8Array<ArrayBuffer>]));
  return { sink: wrap(sink), file, isDownload: true };
}

/** Removes a file that an export has not got to, if the picker has made it. */
async function removeEmpty(place: FilePlace | undefined): Promise<void> {
  const file = await place?.getFile().catch(() => undefined); // it may be gone
  if (place && file?.size === 0) await remove(place);
}

async function remove(place: FilePlace): Promise<void> {
  await place.remove?.().catch(() => undefined);
}

/** A failed export removes the file, if it is there only because the user was asked for it. */
async function chosenSink(place: FilePlace, name: string): Promise<Sink> {
  const isNew = (await place.getFile()).size === 0;
  const sink: Sink = browserFileSink(await place.createWritable(), { name });
  const discard = async () => {
    await sink.discard();
    if (isNew) await remove(place);
  };
  return { ...sink, discard };
}

async function madeImage(
  fileName: string,
  { sink, file, isDownload }: Place,
  listeners: Listeners,
): Promise<MadeImage> {
  const image = await file();
  const known = 'sha256' in sink ? sink.sha256 : undefined;
  const sha256 = known ?? (await sumOf(image, listeners));
  return { fileName, size: image.size, sha256, download: isDownload ? image : undefined };
}

/** Undefined after a cancellation, which comes too late: the image is where it should be. */
async function sumOf(image: Blob, listeners: Listeners): Promise<string | undefined> {
  try {
    return await hashOf(image, listeners);
  } catch (error) {
    if (listeners.signal.aborted) return undefined;
    throw error;
  }
}

/** How much is read and hashed at a time, in bytes. */
const STEP = 2 ** 20;

async function hashOf(image: Blob, { signal, onProgress }: Listeners): Promise<string> {
  const { size: total } = image;
  const hash = await hasherOf(total);
  const stream = blobStream(image);
  try {
    for (let done = 0; done < total;) {
      // What the browser has at hand comes without one, and nobody would hear of a cancellation.
      await host.turn();
      throwIfAborted(signal);
      const bytes = await stream.take(STEP);
      if (bytes.length === 0) throw new Error(`the image ends at byte ${done} of ${total}`);
      hash.update(bytes);
      done += bytes.length;
      onProgress({ phase: 'hashing', done, total });
    }
  } finally {
    stream.close();
  }
  return hash.digest();
}
