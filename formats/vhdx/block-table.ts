// The block allocation table of an image, and the map of the disk that it makes with the sector
// bitmaps.

import type { ImageExtent, PlainExtent } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { viewOf } from '../struct.ts';
import type { Metadata } from './decode-metadata.ts';
import type { Area } from './decode-regions.ts';
import {
  ALIGNMENT,
  BAT_ENTRY_SIZE,
  batEntryCount,
  batIndex,
  BITMAP_PRESENT,
  BITMAP_SIZE,
  chunkRatio,
  FULLY_PRESENT,
  NOT_PRESENT,
  PARTIALLY_PRESENT,
  UNDEFINED,
  UNMAPPED,
  UNMAPPED_DRAFT,
  ZERO,
} from './layout.ts';
import type { Replayed } from './replay-log.ts';

/** What the blocks of an image are found by; in bytes unless the name says otherwise. */
export interface BlockLayout {
  readonly input: Replayed;
  readonly tableOffset: number;
  /** Entries up to that of the last block or, with a parent, of its sector bitmap. */
  readonly entryCount: number;
  readonly diskSize: number;
  readonly blockSize: number;
  readonly blockCount: number;
  readonly sectorSize: number;
  /** Blocks of the disk that share one sector bitmap. */
  readonly ratio: number;
  readonly hasParent: boolean;
}

/** An entry of the table. */
export interface Entry {
  /** Its place in the table. */
  readonly index: number;
  /** The block of the disk; undefined for that of a sector bitmap. */
  readonly block: number | undefined;
  readonly state: number;
  /** In bytes. */
  readonly imageOffset: number;
  /** The bits that must be zero. */
  readonly reserved: number;
}

// Entries that are read at a time.
const PIECE = 16_384;

/** Finds the blocks of a disk. Throws a FormatError if the table is too short for it. */
export function blockLayout(input: Replayed, table: Area, metadata: Metadata): BlockLayout {
  const { diskSize, blockSize, logicalSectorSize: sectorSize, parentLocator } = metadata;
  const blockCount = Math.ceil(diskSize / blockSize);
  const ratio = chunkRatio(blockSize, sectorSize);
  const hasParent = parentLocator !== undefined;
  const entryCount = hasParent
    ? Math.ceil(blockCount / ratio) * (ratio + 1)
    : batEntryCount(blockCount, ratio);
  if (entryCount * BAT_ENTRY_SIZE > table.length) {
    throw new FormatError(
      'damaged',
      `vhdx: a table of ${table.length} bytes, ${entryCount} entries of ${BAT_ENTRY_SIZE} are needed`,
    );
  }
  const layout = { diskSize, blockSize, blockCount, sectorSize, ratio, hasParent };
  return { input, tableOffset: table.offset, entryCount, ...layout };
}

/**
 * The entries of the table from one on, but for those that are all zeros. Reads the table in
 * pieces.
 */
export async function* tableEntries(layout: BlockLayout, first: number): AsyncGenerator<Entry> {
  const { input, tableOffset, entryCount, ratio } = layout;
  for (let start = first; start < entryCount; start += PIECE) {
    const count = Math.min(PIECE, entryCount - start);
    const offset = tableOffset + start * BAT_ENTRY_SIZE;
    const view = viewOf(await input.read(offset, count * BAT_ENTRY_SIZE));
    for (let i = 0; i < count; i++) {
      const low = view.getUint32(i * BAT_ENTRY_SIZE, true);
      const high = view.getUint32(i * BAT_ENTRY_SIZE + 4, true);
      if ((low | high) === 0) continue;
      yield decodeEntry(start + i, low, high, ratio);
    }
  }
}

function decodeEntry(index: number, low: number, high: number, ratio: number): Entry {
  const chunk = Math.floor(index / (ratio + 1));
  return {
    index,
    block: index % (ratio + 1) === ratio ? undefined : index - chunk,
    state: low & 0x7,
    imageOffset: (high * 2 ** 12 + (low >>> 20)) * ALIGNMENT,
    reserved: low & 0xf_fff8,
  };
}

/** The map of the disk, as `ImageReader.extents` has it. */
export async function* extentsOf(layout: BlockLayout, from: number): AsyncGenerator<ImageExtent> {
  const { blockSize, blockCount, ratio } = layout;
  const firstBlock = Math.floor(from / blockSize);
  if (firstBlock >= blockCount) return;
  for await (const entry of tableEntries(layout, batIndex(firstBlock, ratio))) {
    if (entry.block === undefined || entry.block >= blockCount) continue;
    for await (const extent of blockExtents(layout, entry, entry.block)) {
      if (extent.diskOffset + extent.diskLength > from) yield extent;
    }
  }
}

/** What the image has of a block; the rest of it is the parent's, or zeros. */
async function* blockExtents(
  layout: BlockLayout,
  entry: Entry,
  block: number,
): AsyncGenerator<ImageExtent> {
  const { blockSize, sectorSize, hasParent } = layout;
  const problem = entryProblem(layout, entry, block);
  if (problem !== undefined) throw new FormatError('damaged', `vhdx: ${problem}`);
  const { state, imageOffset } = entry;
  const diskOffset = block * blockSize;
  const diskLength = lengthOf(layout, block);
  if (state === FULLY_PRESENT) {
    yield* storedExtents(layout, { diskOffset, diskLength, imageOffset });
  } else if (state === PARTIALLY_PRESENT) {
    const bitmap = await sectorBitmap(layout, block);
    for (const [start, count] of runs(bitmap, diskLength / sectorSize)) {
      const offset = start * sectorSize;
      const run = { diskOffset: diskOffset + offset, diskLength: count * sectorSize };
      yield* storedExtents(layout, { ...run, imageOffset: imageOffset + offset });
    }
  } else if (hasParent && state !== NOT_PRESENT) {
    yield { kind: 'zeros', diskOffset, diskLength };
  }
}

/** Bytes of the disk in a block: less than a whole one in the last. */
export function lengthOf({ blockSize, diskSize }: BlockLayout, block: number): number {
  return Math.min(blockSize, diskSize - block * blockSize);
}

const STATES: ReadonlySet<number> = new Set([
  NOT_PRESENT,
  UNDEFINED, // as good as zeros: a reader may make anything of it
  ZERO,
  UNMAPPED, // zeros, or what was there before
  UNMAPPED_DRAFT,
  FULLY_PRESENT,
  PARTIALLY_PRESENT,
]);

/** Why a block cannot be where its entry says; undefined if it can. */
export function entryProblem(layout: BlockLayout, entry: Entry, block: number): string | undefined {
  const { input, hasParent } = layout;
  const { state, imageOffset } = entry;
  if (!STATES.has(state)) return `block ${block} is in state ${state}, which is not known`;
  if (state === PARTIALLY_PRESENT && !hasParent) {
    return `block ${block} is there in part, but the disk has no parent for the rest`;
  }
  if (state !== FULLY_PRESENT && state !== PARTIALLY_PRESENT) return undefined;
  if (imageOffset === 0) return `block ${block} lies in the header`;
  const end = imageOffset + lengthOf(layout, block);
  return end > input.size ? `block ${block} ends at ${end}, the image at ${input.size}` : undefined;
}

/**
 * Bytes of the disk as they are in the file. Past its end, where only the log has extended it, they
 * are zeros.
 */
function* storedExtents(
  { input, hasParent }: BlockLayout,
  { diskOffset, diskLength, imageOffset }: Omit<PlainExtent, 'kind'>,
): Generator<ImageExtent> {
  if (input.changes(imageOffset, imageOffset + diskLength)) {
    throw new FormatError(
      'damaged',
      `vhdx: the log changes bytes of the disk, at ${imageOffset}, which none may`,
    );
  }
  const stored = Math.max(0, Math.min(diskLength, input.storedSize - imageOffset));
  if (stored > 0) yield { kind: 'plain', diskOffset, diskLength: stored, imageOffset };
  if (stored === diskLength || !hasParent) return;
  yield { kind: 'zeros', diskOffset: diskOffset + stored, diskLength: diskLength - stored };
}

/** The entry of the sector bitmap that has the bits of a block, the last one of its chunk. */
export async function bitmapEntry(layout: BlockLayout, block: number): Promise<Entry> {
  const { input, tableOffset, ratio } = layout;
  const index = (Math.floor(block / ratio) + 1) * (ratio + 1) - 1;
  const view = viewOf(await input.read(tableOffset + index * BAT_ENTRY_SIZE, BAT_ENTRY_SIZE));
  return decodeEntry(index, view.getUint32(0, true), view.getUint32(4, true), ratio);
}

/** The bits of a block's sectors. */
async function sectorBitmap(layout: BlockLayout, block: number): Promise<Uint8Array> {
  const { input, blockSize, sectorSize, ratio } = layout;
  const entry = await bitmapEntry(layout, block);
  const problem = bitmapProblem(layout, entry);
  if (problem !== undefined) throw new FormatError('damaged', `vhdx: ${problem}`);
  const length = blockSize / sectorSize / 8;
  return input.read(entry.imageOffset + (block % ratio) * length, length);
}

/** Why a sector bitmap cannot be where its entry says; undefined if it can. */
export function bitmapProblem({ input }: BlockLayout, entry: Entry): string | undefined {
  const { index, state, imageOffset } = entry;
  if (state !== BITMAP_PRESENT) return `the sector bitmap of entry ${index} is in state ${state}`;
  if (imageOffset === 0) return `the sector bitmap of entry ${index} lies in the header`;
  const end = imageOffset + BITMAP_SIZE;
  if (end <= input.size) return undefined;
  return `the sector bitmap of entry ${index} ends at ${end}, the image at ${input.size}`;
}

/** The sectors whose bits are set, the lowest bit of a byte first. */
function* runs(bitmap: Uint8Array, count: number): Generator<[start: number, count: number]> {
  let start = -1;
  for (let i = 0; i < count; i++) {
    const byte = bitmap[i >> 3]!; // there are as many bits as sectors
    if (i % 8 === 0 && i + 8 <= count && byte === (start === -1 ? 0x00 : 0xff)) {
      i += 7; // eight that go on as the ones before
      continue;
    }
    const isSet = (byte & (1 << (i % 8))) !== 0;
    if (isSet && start === -1) start = i;
    if (!isSet && start !== -1) {
      yield [start, i - start];
      start = -1;
    }
  }
  if (start !== -1) yield [start, count - start];
}
