import type { ImageExtent, ImageInput } from '../contract.ts';
import { joinExtents } from '../join-extents.ts';
import { viewOf } from '../struct.ts';
import type { Header } from './decode-header.ts';
import { damaged } from './faults.ts';
import { FREE, MAP_ENTRY_SIZE, ZERO } from './layout.ts';

// Entries that are read at a time.
const STEP = 16_384;

/** The blocks of the disk that the image has, each with its number in the image; ascending. */
type Entries = Generator<readonly [block: number, place: number]>;

/** Reads the map from a block on, in steps. */
export async function* mapEntries(
  input: ImageInput,
  { mapOffset, blockCount }: Header,
  first: number,
): AsyncGenerator<Entries> {
  for (let start = first; start < blockCount; start += STEP) {
    const count = Math.min(STEP, blockCount - start);
    const offset = mapOffset + start * MAP_ENTRY_SIZE;
    yield entriesIn(viewOf(await input.read(offset, count * MAP_ENTRY_SIZE)), start);
  }
}

function* entriesIn(view: DataView, start: number): Entries {
  for (let i = 0; i < view.byteLength / MAP_ENTRY_SIZE; i++) {
    const place = view.getUint32(i * MAP_ENTRY_SIZE, true);
    if (place !== FREE && place !== ZERO) yield [start + i, place];
  }
}

/**
 * The extents of the disk, as `ImageReader.extents` returns them. They are joined only within a
 * step, so that the first one is there before all of the map has been read.
 */
export async function* extentsOf(
  input: ImageInput,
  header: Header,
  from: number,
): AsyncGenerator<ImageExtent> {
  for await (const entries of mapEntries(input, header, Math.floor(from / header.blockSize))) {
    yield* joinExtents(blockExtents(input, header, entries, from));
  }
}

function* blockExtents(
  input: ImageInput,
  header: Header,
  entries: Entries,
  from: number,
): Generator<ImageExtent> {
  const { blockSize, diskSize } = header;
  for (const [block, place] of entries) {
    const diskOffset = block * blockSize;
    if (diskOffset >= diskSize) return;
    const diskLength = lengthOf(header, block);
    if (diskOffset + diskLength <= from) continue;
    const problem = placeProblem(input, header, block, place);
    if (problem !== undefined) throw damaged(problem);
    yield { kind: 'plain', diskOffset, diskLength, imageOffset: offsetOf(header, place) };
  }
}

/** Why a block cannot be where the map has it; undefined if it can. */
export function placeProblem(
  input: ImageInput,
  header: Header,
  block: number,
  place: number,
): string | undefined {
  const end = offsetOf(header, place) + lengthOf(header, block);
  return end > input.size ? `block ${block} ends at ${end}, the image at ${input.size}` : undefined;
}

/** Where a block of that number in the image is, in bytes. */
function offsetOf({ dataOffset, blockSize }: Header, place: number): number {
  return dataOffset + place * blockSize;
}

/** Bytes of the disk in a block: less than a whole one in the last. */
function lengthOf({ blockSize, diskSize }: Header, block: number): number {
  return Math.min(blockSize, diskSize - block * blockSize);
}
