import type { ImageInput, PlainExtent } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { viewOf } from '../struct.ts';
import type { Header } from './decode-header.ts';
import { FREE, MAP_ENTRY_SIZE, ZERO } from './layout.ts';

// Entries of the map that are read at a time.
const PIECE = 16_384;

/**
 * The blocks of the disk from one on that the image has, each with its number in the image. Reads
 * the map in pieces.
 */
export async function* mapEntries(
  input: ImageInput,
  { mapOffset, blockCount }: Header,
  first: number,
): AsyncGenerator<readonly [block: number, place: number]> {
  for (let start = first; start < blockCount; start += PIECE) {
    const count = Math.min(PIECE, blockCount - start);
    const offset = mapOffset + start * MAP_ENTRY_SIZE;
    const view = viewOf(await input.read(offset, count * MAP_ENTRY_SIZE));
    for (let i = 0; i < count; i++) {
      const place = view.getUint32(i * MAP_ENTRY_SIZE, true);
      if (place !== FREE && place !== ZERO) yield [start + i, place];
    }
  }
}

/** The map of the disk, as `ImageReader.extents` has it. */
export async function* extentsOf(
  input: ImageInput,
  header: Header,
  from: number,
): AsyncGenerator<PlainExtent> {
  const { blockSize, diskSize } = header;
  for await (const [block, place] of mapEntries(input, header, Math.floor(from / blockSize))) {
    const diskOffset = block * blockSize;
    if (diskOffset >= diskSize) return;
    const diskLength = lengthOf(header, block);
    if (diskOffset + diskLength <= from) continue;
    const problem = placeProblem(input, header, block, place);
    if (problem !== undefined) throw new FormatError('damaged', `vdi: ${problem}`);
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
