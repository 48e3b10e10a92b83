// What a reader may do with a damaged image: read it, or throw a FormatError, soon and in little memory.

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

// Of the processor, as a machine that has other work to do takes any time.
const MAX_SECONDS = 5;
const MAX_MEMORY = 512 * 2 ** 20;

// Of a disk that may claim to be as large as any, this many stretches are unpacked, and this many told.
const MAX_UNPACKED = 200;
const MAX_STRETCHES = 200_000;
const MAX_PROBLEMS = 10_000;

/** How many images were read without an error, and how many in all. */
export interface FuzzResult {
  readonly count: number;
  readonly readable: number;
}

/** Reads `count` damaged images of a format. Throws at the first that a reader does wrong by, with the seed to repeat it. */
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

/** Whether the image could be read; throws for what no reader may do. */
async function survives(name: FormatName, image: Buffer): Promise<boolean> {
  const started = process.cpuUsage();
  let readable = true;
  try {
    const reader = await openImage(FORMATS[name](), image, leaveAlone);
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

/** What lies in other files is mapped, if at all, without them. */
const leaveAlone = () => Promise.resolve(undefined);

async function cleanly(use: () => Promise<void>): Promise<boolean> {
  try {
    await use();
    return true;
  } catch (error) {
    if (error instanceof FormatError || error instanceof DecompressError) return false;
    throw error;
  }
}

const unpackerOf = decompressors();

async function readDisk(reader: ImageReader, image: Buffer): Promise<void> {
  const { facts } = reader;
  let end = 0;
  let count = 0;
  JSON.stringify(facts);
  if (!Number.isSafeInteger(facts.diskSize) || facts.diskSize < 0) throw new Error('no size');
  for await (const stretch of reader.extents()) {
    const { kind, diskOffset, diskLength } = stretch;
    if (diskOffset < end || diskLength <= 0 || diskOffset >= facts.diskSize) {
      throw new Error(`a stretch of ${diskLength} at ${diskOffset} after ${end}`);
    }
    end = diskOffset + diskLength;
    if (kind !== 'zeros' && count < MAX_UNPACKED) await unpack(stretch, image, facts.diskSize);
    if (++count === MAX_STRETCHES) return;
  }
}

/** From some places on, the map must begin with what ends after them. */
async function readPlaces(reader: ImageReader): Promise<void> {
  const { diskSize } = reader.facts;
  const places = [1, 4096, Math.floor(diskSize / 2) + 1, diskSize - 1, diskSize];
  for (const place of places.filter((each) => each >= 0)) {
    for await (const { diskOffset, diskLength } of reader.extents(place)) {
      if (diskOffset + diskLength > place) break;
      throw new Error(`a stretch of ${diskLength} at ${diskOffset}, from ${place} on`);
    }
  }
}

async function unpack(stretch: ImageExtent, image: Buffer, diskSize: number): Promise<void> {
  if (stretch.kind === 'zeros') return;
  const { kind, diskOffset, imageOffset, diskLength } = stretch;
  if (stretch.input) return; // where a file that is left alone has it
  if (kind === 'plain') {
    if (imageOffset + diskLength > image.length) throw new Error('a stretch outside of the image');
    return;
  }
  const packed = await inputOf(image).read(imageOffset, stretch.imageLength);
  const output = new Uint8Array(diskLength);
  unpackerOf(kind)(packed, output, Math.min(diskLength, diskSize - diskOffset));
}

async function check(reader: ImageReader): Promise<void> {
  let count = 0;
  for await (const { message } of reader.check()) {
    if (message === '') throw new Error('a problem without words');
    if (++count === MAX_PROBLEMS) return;
  }
}
