// From the maps of an image and of its backing files to what is read at a time: a window of the
// disk in pieces.

import {
  BLOCK_SIZE,
  type CompressedExtent,
  type PlainExtent,
  type ImageExtent,
} from '../../formats/index.ts';
import { roundDown, roundUp } from '../../formats/rounding.ts';
import { SLAB_SIZE } from '../workers/slab.ts';
import type { FileInput } from './file-input.ts';
import type { OpenImage } from './open-image.ts';

/**
 * A stretch of the disk that is to be read: some or all of what a stretch of an image gives. Bytes
 * of the disk.
 */
export interface Piece {
  readonly start: number;
  readonly end: number;
  readonly stretch: Stored;
  /** What the offsets of `stretch` count in. */
  readonly input: FileInput;
}

type Stored = PlainExtent | CompressedExtent;
type Mapped = Omit<Piece, 'stretch'> & { readonly stretch: ImageExtent };

/** What is read at a time, at most SLAB_SIZE bytes of the disk; what no piece covers is zeros. */
export interface Window {
  /** A multiple of BLOCK_SIZE. */
  readonly diskOffset: number;
  readonly length: number;
  readonly pieces: readonly Piece[];
}

/** Everything that is stored of a disk from a byte of it on, in its backing files too. */
export async function* piecesOf(image: OpenImage, from: number): AsyncGenerator<Piece> {
  for await (const { stretch, ...place } of mapOf(image, from)) {
    if (stretch.kind !== 'zeros') yield { ...place, stretch };
  }
}

/** The same, in windows. */
export async function* windowsOf(image: OpenImage): AsyncGenerator<Window> {
  const { diskSize } = image.reader.facts;
  let pieces: Piece[] = [];
  let diskOffset = 0;
  const window = (): Window => {
    const end = roundUp(pieces.at(-1)?.end ?? 0, BLOCK_SIZE);
    return { diskOffset, length: Math.min(end, diskSize) - diskOffset, pieces };
  };
  for await (const piece of piecesOf(image, 0)) {
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

/** An image's map, its gaps filled in from its backing file. */
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
  for await (const stretch of reader.extents(from)) {
    const { diskOffset, diskLength } = stretch;
    const start = Math.max(diskOffset, from);
    const end = Math.min(diskOffset + diskLength, diskSize);
    if (start < last || end <= start) {
      throw new Error(`${input.name}: stretch of ${diskLength} at ${diskOffset} after ${last}`);
    }
    last = end;
    const other = stretch.kind === 'zeros' ? undefined : stretch.input;
    yield { start, end, stretch, input: (other ?? input) as FileInput };
  }
}

/** Gives out ascending parts of a map. */
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
