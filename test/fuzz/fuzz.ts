// A reader must read a damaged image or throw a FormatError, soon and in little memory.

import fc from 'fast-check';
import {
  type FormatName,
  FormatError,
  FORMATS,
  type ImageReader,
  type ImageExtent,
} from '../../formats/index.ts';
import { DecompressError } from '../../src/decompress/decompressor.ts';
import { decompressors } from '../../src/decompress/open-decompressor.ts';
import { inputOf, openImage } from '../support/read-image.ts';
import { mutationsOf } from './mutations.ts';
import { ovaMutations } from './ova-mutations.ts';
import { seedsOf } from './seeds.ts';

// Processor time, since on a busy machine elapsed time means nothing.
const MAX_SECONDS = 5;
const MAX_MEMORY = 512 * 2 ** 20;

// A disk may claim to be of any size, so no more extents than these are decompressed, and walked.
const MAX_DECOMPRESSED = 200;
const MAX_EXTENTS = 200_000;
const MAX_PROBLEMS = 10_000;

/** The formats with a reader that can be given damage: not raw, nor compressed streams. */
export const FUZZED = (Object.keys(FORMATS) as FormatName[]).filter((name) => {
  const format = FORMATS[name]();
  return name !== 'raw' && format.read !== undefined;
});

/** How many images were read without an error, and how many in all. */
export interface FuzzResult {
  readonly count: number;
  readonly readable: number;
}

/**
 * Reads `count` damaged images of a format. Throws at the first fault of a reader, with its seed.
 */
export async function fuzz(name: FormatName, count: number, seed: number): Promise<FuzzResult> {
  const seeds = await seedsOf(name);
  let readable = 0;
  let done = 0;
  for (const [index, image] of seeds.entries()) {
    const share = Math.ceil(count / seeds.length);
    const bytes = mutationsOf(name, image);
    const mutations =
      name === 'ova' ? fc.oneof(bytes, { arbitrary: ovaMutations(image), weight: 4 }) : bytes;
    const property = fc.asyncProperty(mutations, async (mutate) => {
      done++;
      if (await survives(name, mutate(image))) readable++;
    });
    try {
      await fc.assert(property, { numRuns: share, seed: seed + index, endOnFailure: true });
    } catch (error) {
      throw new Error(`${name}, image ${index}: ${String(error)}`, { cause: error });
    }
  }
  return { count: done, readable };
}

/** Whether the image could be read. Throws if the reader breaks its contract. */
async function survives(name: FormatName, image: Buffer): Promise<boolean> {
  const started = process.cpuUsage();
  let readable = true;
  try {
    const reader = await openImage(FORMATS[name](), image, openNone);
    for (const use of [readDisk, readPlaces, check]) {
      readable = (await cleanly(() => use(reader, image))) && readable;
    }
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    readable = false;
  }
  const { user, system } = process.cpuUsage(started);
  const seconds = (user + system) / 1e6;
  if (seconds > MAX_SECONDS) throw new Error(`it took ${seconds} seconds of the processor`);
  const memory = process.memoryUsage.rss();
  if (memory > MAX_MEMORY) throw new Error(`the process has ${memory} bytes of memory`);
  return readable;
}

/** Opens no other file: an image is mapped without them, if it can be. */
const openNone = () => Promise.resolve(undefined);

async function cleanly(use: () => Promise<void>): Promise<boolean> {
  try {
    await use();
    return true;
  } catch (error) {
    if (error instanceof FormatError || error instanceof DecompressError) return false;
    throw error;
  }
}

const decompressorOf = decompressors();

async function readDisk(reader: ImageReader, image: Buffer): Promise<void> {
  const { facts } = reader;
  let end = 0;
  let count = 0;
  JSON.stringify(facts);
  if (!Number.isSafeInteger(facts.diskSize) || facts.diskSize < 0) throw new Error('no size');
  for await (const extent of reader.extents()) {
    const { kind, diskOffset, diskLength } = extent;
    if (diskOffset < end || diskLength <= 0 || diskOffset >= facts.diskSize) {
      throw new Error(`an extent of ${diskLength} at ${diskOffset} after ${end}`);
    }
    end = diskOffset + diskLength;
    if (kind !== 'zeros' && count < MAX_DECOMPRESSED)
      await decompress(extent, image, facts.diskSize);
    if (++count === MAX_EXTENTS) return;
  }
}

/** From each place on, the map must begin with an extent that ends after it. */
async function readPlaces(reader: ImageReader): Promise<void> {
  const { diskSize } = reader.facts;
  const places = [1, 4096, Math.floor(diskSize / 2) + 1, diskSize - 1, diskSize];
  for (const place of places.filter((each) => each >= 0)) {
    for await (const { diskOffset, diskLength } of reader.extents(place)) {
      if (diskOffset + diskLength > place) break;
      throw new Error(`an extent of ${diskLength} at ${diskOffset}, from ${place} on`);
    }
  }
}

async function decompress(extent: ImageExtent, image: Buffer, diskSize: number): Promise<void> {
  if (extent.kind === 'zeros') return;
  const { kind, diskOffset, imageOffset, diskLength } = extent;
  if (extent.input) return; // it lies in a file that was not opened
  if (kind === 'plain') {
    if (imageOffset + diskLength > image.length)
      throw new Error('an extent past the end of the image');
    return;
  }
  const stream = await inputOf(image).read(imageOffset, extent.imageLength);
  const output = new Uint8Array(diskLength);
  decompressorOf(kind)(stream, output, Math.min(diskLength, diskSize - diskOffset));
}

async function check(reader: ImageReader): Promise<void> {
  let count = 0;
  for await (const { message } of reader.check()) {
    if (message === '') throw new Error('a problem without words');
    if (++count === MAX_PROBLEMS) return;
  }
}
