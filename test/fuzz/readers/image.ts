// Reads an image: its disk, from its start and from places in it, and checks it.

import {
  type Format,
  FormatError,
  type ImageExtent,
  type ImageInput,
  type ImageReader,
} from '../../../formats/index.ts';
import { DecompressError } from '../../../src/decompress/decompressor.ts';
import { decompressors } from '../../../src/decompress/open-decompressor.ts';
import { withinFiles } from '../../../src/images/within-files.ts';
import { inputOf, openImage } from '../../support/read-image.ts';
import type { Seed } from '../target.ts';

// A disk may claim to be of any size, so no more extents than these are decompressed, and walked.
const MAX_DECOMPRESSED = 50;
const MAX_EXTENTS = 100_000;
const MAX_PROBLEMS = 2000;

/**
 * Reads it by that format. Throws the first error of the uses of it, but makes them all. What lies
 * in one place of the image for two parts of the disk must be refused, or found by the check.
 */
export function imageReader(format: Format) {
  return async (image: Buffer, { beside }: Seed): Promise<void> => {
    const openOther = () => Promise.resolve(beside && inputOf(beside));
    const reader = await openImage(format, image, openOther);
    const refusals: unknown[] = [];
    const overlap = await orRefused(refusals, readDisk(reader, inputOf(image)));
    await orRefused(refusals, readPlaces(reader));
    const isSound = await orRefused(refusals, check(reader));
    if (refusals.length > 0) throw refusals[0];
    if (overlap !== undefined && isSound) throw new Error(`called sound, with ${overlap}`);
  };
}

async function orRefused<T>(refusals: unknown[], use: Promise<T>): Promise<T | undefined> {
  try {
    return await use;
  } catch (error) {
    if (!(error instanceof FormatError || error instanceof DecompressError)) throw error;
    refusals.push(error);
    return undefined;
  }
}

const decompressorOf = decompressors();

/** Returns what of the image itself lies in two places of the disk. */
async function readDisk(reader: ImageReader, image: ImageInput): Promise<string | undefined> {
  const { facts } = reader;
  JSON.stringify(facts);
  if (!Number.isSafeInteger(facts.diskSize) || facts.diskSize < 0) throw new Error('no size');
  const plain: Plain[] = [];
  let end = 0;
  let count = 0;
  for await (const extent of withinFiles(reader.extents(), image)) {
    const { kind, diskOffset, diskLength } = extent;
    if (diskOffset < end || !(diskLength > 0) || diskOffset >= facts.diskSize) {
      throw new Error(`an extent of ${diskLength} at ${diskOffset} after ${end}`);
    }
    end = diskOffset + diskLength;
    if (kind === 'plain') plain.push(placeOf(extent, image));
    else if (kind !== 'zeros' && count < MAX_DECOMPRESSED) {
      await decompress(extent, image, facts.diskSize);
    }
    if (++count === MAX_EXTENTS) break;
  }
  return overlapIn(plain);
}

interface Plain {
  readonly isOwn: boolean;
  readonly start: number;
  readonly end: number;
}

function placeOf(extent: ImageExtent & { kind: 'plain' }, image: ImageInput): Plain {
  const { imageOffset: start, diskLength, input = image } = extent;
  const end = start + diskLength;
  if (start < 0 || end > input.size) throw new Error('an extent past the end of its file');
  return { isOwn: extent.input === undefined, start, end };
}

function overlapIn(found: readonly Plain[]): string | undefined {
  const sorted = found.filter(({ isOwn }) => isOwn).sort((one, other) => one.start - other.start);
  const overlap = sorted.find(({ start }, i) => (sorted[i - 1]?.end ?? 0) > start);
  return overlap && `two extents at byte ${overlap.start}`;
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

async function decompress(
  extent: Exclude<ImageExtent, { kind: 'zeros' | 'plain' }>,
  image: ImageInput,
  diskSize: number,
): Promise<void> {
  const { kind, diskOffset, imageOffset, imageLength, diskLength, input = image } = extent;
  const stream = await input.read(imageOffset, imageLength);
  const output = new Uint8Array(diskLength);
  decompressorOf(kind)(stream, output, Math.min(diskLength, diskSize - diskOffset));
}

/** Whether no error is found. */
async function check(reader: ImageReader): Promise<boolean> {
  let count = 0;
  let isSound = true;
  for await (const { message, severity } of reader.check()) {
    if (message === '') throw new Error('a problem without words');
    if (severity === 'error') isSound = false;
    if (++count === MAX_PROBLEMS) break;
  }
  return isSound;
}
