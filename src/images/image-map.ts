// Where the disk in an image lies in files, as `qemu-img map` shows it: the whole disk in extents,
// the gaps of each image filled in from its backing file.

import type { ImageExtent } from '../../formats/index.ts';
import { asKexportError, throwIfAborted } from '../errors.ts';
import { partsOf } from './file-holes.ts';
import type { FileInput } from './file-input.ts';
import type { OpenImage } from './read-image.ts';

/** An extent of the disk. In bytes. */
export interface MapExtent {
  /** Where it begins on the disk. */
  readonly start: number;
  /** Its length on the disk. */
  readonly length: number;
  /** The image that says what is there: 0, or 1 for its backing file, and so on. */
  readonly depth: number;
  /** Whether an image states it: zeros are also what no image has anything of. */
  readonly present: boolean;
  /** Whether it reads as zeros without reading a file. */
  readonly zero: boolean;
  /** Whether a file has data for it. */
  readonly data: boolean;
  /** Whether these are compressed: then there is no `offset`. */
  readonly compressed: boolean;
  /** Where it begins in `file`. */
  readonly offset?: number | undefined;
  /** The file that has it. */
  readonly file?: string | undefined;
}

/**
 * The map of the disk in an image whose files are all open: extents that ascend and leave no gap,
 * in memory that does not grow with the disk. Throws a KexportError where the image is damaged.
 */
export async function* imageMap(image: OpenImage, signal?: AbortSignal): AsyncGenerator<MapExtent> {
  const { diskSize } = image.reader.facts;
  const whole = { start: 0, end: diskSize, depth: 0 };
  let pending: MapExtent | undefined;
  try {
    for await (const extent of mapOf(image, whole)) {
      throwIfAborted(signal);
      const joined = pending && join(pending, extent);
      if (pending && !joined) yield pending;
      pending = joined ?? extent;
    }
  } catch (error) {
    throw asKexportError(error, image.input.name);
  }
  if (pending) yield pending;
}

const ZEROS = { present: true, zero: true, data: false, compressed: false };
const DATA = { present: true, zero: false, data: true, compressed: false };

/** A part of the disk, as the image of that depth has it. */
interface Place {
  readonly start: number;
  readonly end: number;
  readonly depth: number;
}

/** What an image and those below it have of a part of the disk. */
async function* mapOf(image: OpenImage, place: Place): AsyncGenerator<MapExtent> {
  let at = place.start;
  for await (const extent of image.reader.extents(at)) {
    const start = Math.max(extent.diskOffset, place.start);
    if (start >= place.end) break;
    yield* gapOf(image, { ...place, start: at, end: start });
    at = Math.min(extent.diskOffset + extent.diskLength, place.end);
    yield* storedOf(image, extent, { ...place, start, end: at });
  }
  yield* gapOf(image, { ...place, start: at });
}

/** What an image leaves out: there its backing file counts, as far as that goes. */
async function* gapOf({ backing }: OpenImage, place: Place): AsyncGenerator<MapExtent> {
  const { start, end, depth } = place;
  const below = backing ? Math.max(start, Math.min(end, backing.reader.facts.diskSize)) : start;
  if (backing && below > start) yield* mapOf(backing, { ...place, end: below, depth: depth + 1 });
  if (end > below) yield { start: below, length: end - below, depth, ...ZEROS, present: false };
}

/** A part of an extent that an image states. */
async function* storedOf(
  { input: own, reader }: OpenImage,
  extent: ImageExtent,
  { start, end, depth }: Place,
): AsyncGenerator<MapExtent> {
  const whole = { start, length: end - start, depth };
  if (extent.kind === 'zeros') {
    yield { ...whole, ...ZEROS };
    return;
  }
  const input = (extent.input ?? own) as FileInput; // its own, or what `openOther` answered
  const { name: file } = input;
  if (extent.kind !== 'plain') {
    yield { ...whole, ...DATA, compressed: true, file };
    return;
  }
  const { format, subformat } = reader.facts;
  // As in QEMU, the holes of a file count only where no table of the image says what is data.
  const isFlat = format === 'raw' || (format === 'vhd' && subformat === 'fixed') || extent.input;
  const shift = extent.imageOffset - extent.diskOffset;
  if (!isFlat) {
    yield { ...whole, ...DATA, offset: start + shift, file };
    return;
  }
  for await (const part of partsOf(input, start + shift, end + shift)) {
    const found = { start: part.start - shift, length: part.end - part.start, depth };
    yield { ...found, ...(part.isHole ? ZEROS : DATA), offset: part.start, file };
  }
}

/** Two extents that follow each other and differ in nothing else; undefined if they do not. */
function join(one: MapExtent, next: MapExtent): MapExtent | undefined {
  const { depth, present, zero, data, compressed, file } = one;
  const isSame =
    next.depth === depth &&
    next.present === present &&
    next.zero === zero &&
    next.data === data &&
    next.compressed === compressed &&
    next.file === file;
  const follows = one.offset === undefined ? undefined : one.offset + one.length;
  return isSame && next.offset === follows
    ? { ...one, length: one.length + next.length }
    : undefined;
}
