// Merges the maps of an image and of its backing files, and cuts the result into windows that are
// read at a time.

import {
  BLOCK_SIZE,
  type CompressedExtent,
  type PlainExtent,
  type ImageExtent,
} from '../../formats/index.ts';
import { roundDown, roundUp } from '../../formats/rounding.ts';
import { SLAB_SIZE } from '../workers/slab.ts';
import { partsOf } from './file-holes.ts';
import type { FileInput } from './file-input.ts';
import type { OpenImage } from './read-image.ts';

/**
 * A part of the disk to read: some or all of an extent of an image. `start` and `end` are bytes
 * of the disk.
 */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly extent: Stored;
  /** The file that the offsets of `extent` refer to. */
  readonly input: FileInput;
}

/** Shorter holes are read, in bytes: that is cheaper than to look them up. */
const MIN_HOLE = 2 ** 20;

type Stored = PlainExtent | CompressedExtent;
type Mapped = Omit<Piece, 'extent'> & { readonly extent: ImageExtent };

/**
 * A range of the disk that is read at a time, at most SLAB_SIZE bytes. What no piece covers is
 * zeros.
 */
export interface Window {
  /** A multiple of BLOCK_SIZE. */
  readonly diskOffset: number;
  readonly length: number;
  readonly pieces: readonly Piece[];
}

/** All stored data of a disk from the byte `from` on, including that of its backing files. */
export async function* piecesOf(image: OpenImage, from: number): AsyncGenerator<Piece> {
  for await (const { extent, ...place } of mapOf(image, from)) {
    if (extent.kind !== 'zeros') yield { ...place, extent };
  }
}

/**
 * All stored data of a disk, in windows; without what long holes of its files stand for, unless
 * these are to be read.
 */
export async function* windowsOf(image: OpenImage, readHoles: boolean): AsyncGenerator<Window> {
  const { diskSize } = image.reader.facts;
  let pieces: Piece[] = [];
  let diskOffset = 0;
  const window = (): Window => {
    const end = roundUp(pieces.at(-1)?.end ?? 0, BLOCK_SIZE);
    return { diskOffset, length: Math.min(end, diskSize) - diskOffset, pieces };
  };
  for await (const piece of readHoles ? piecesOf(image, 0) : allocatedPieces(image)) {
    for (let { start } = piece; start < piece.end;) {
      if (pieces.length > 0 && start >= diskOffset + SLAB_SIZE) {
        yield window();
        pieces = [];
      }
      if (pieces.length === 0) diskOffset = roundDown(start, BLOCK_SIZE);
      const end = Math.min(piece.end, diskOffset + SLAB_SIZE);
      pieces.push({ ...piece, start, end });
      start = end;
    }
  }
  if (pieces.length > 0) yield window();
}

async function* allocatedPieces(image: OpenImage): AsyncGenerator<Piece> {
  for await (const piece of piecesOf(image, 0)) {
    const { extent, start, end, input } = piece;
    if (extent.kind !== 'plain' || end - start < MIN_HOLE || !input.dataIn) {
      yield piece;
      continue;
    }
    const shift = extent.imageOffset - extent.diskOffset;
    let from = start;
    for await (const part of partsOf(input, start + shift, end + shift)) {
      if (!part.isHole || part.end - part.start < MIN_HOLE) continue;
      if (part.start - shift > from) yield { ...piece, start: from, end: part.start - shift };
      from = part.end - shift;
    }
    if (end > from) yield { ...piece, start: from };
  }
}

/** The map of an image, with its gaps filled from its backing file. */
async function* mapOf(image: OpenImage, from: number): AsyncGenerator<Mapped> {
  const own = ownMap(image, from);
  if (!image.backing) {
    yield* own;
    return;
  }
  const below = clippable(mapOf(image.backing, from));
  let end = from;
  for await (const mapped of own) {
    yield* below.within(end, mapped.start);
    yield mapped;
    end = mapped.end;
  }
  yield* below.within(end, image.reader.facts.diskSize);
}

async function* ownMap({ reader, input }: OpenImage, from: number): AsyncGenerator<Mapped> {
  const { diskSize } = reader.facts;
  let last = from;
  for await (const extent of reader.extents(from)) {
    const { diskOffset, diskLength } = extent;
    const start = Math.max(diskOffset, from);
    const end = Math.min(diskOffset + diskLength, diskSize);
    if (start < last || end <= start) {
      throw new Error(`${input.name}: extent of ${diskLength} at ${diskOffset} after ${last}`);
    }
    last = end;
    const other = extent.kind === 'zeros' ? undefined : extent.input;
    yield { start, end, extent, input: (other ?? input) as FileInput };
  }
}

/** Returns ascending parts of a map. */
function clippable(map: AsyncGenerator<Mapped>) {
  let held: Mapped | undefined;
  const next = async (): Promise<Mapped | undefined> => {
    const result: IteratorResult<Mapped, unknown> = await map.next();
    return result.done ? undefined : result.value;
  };
  return {
    async *within(start: number, end: number): AsyncGenerator<Mapped> {
      while (start < end) {
        held ??= await next();
        if (!held || held.start >= end) return;
        const from = Math.max(held.start, start);
        const to = Math.min(held.end, end);
        if (from < to) yield { ...held, start: from, end: to };
        if (held.end > end) return;
        held = undefined;
      }
    },
  };
}
