// The block allocation table of an image, a chunk at a time: as many blocks as share a sector
// bitmap, and the entry of that bitmap.

import { viewOf } from '../struct.ts';
import type { Metadata } from './decode-metadata.ts';
import type { Area } from './decode-regions.ts';
import { damaged } from './faults.ts';
import {
  ALIGNMENT,
  BAT_ENTRY_SIZE,
  batEntryCount,
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

/** What the blocks of an image are found by. In bytes unless the name says otherwise. */
export interface BlockTable {
  readonly input: Replayed;
  readonly tableOffset: number;
  /** Number of entries up to that of the last block or, with a parent, of its sector bitmap. */
  readonly entryCount: number;
  readonly diskSize: number;
  readonly blockSize: number;
  /** Number of blocks that the disk needs. */
  readonly blockCount: number;
  readonly sectorSize: number;
  /** Number of blocks in a chunk. */
  readonly ratio: number;
  readonly hasParent: boolean;
}

/** An entry of the table. */
export interface Entry {
  readonly state: number;
  /** In bytes. */
  readonly imageOffset: number;
  /** The bits that must be zero. */
  readonly reserved: number;
}

/** The entries of a chunk. */
export interface Chunk {
  /** The first block of the chunk. */
  readonly firstBlock: number;
  /** Those of the blocks that are not all zeros, ascending. */
  blocks(): Generator<readonly [block: number, entry: Entry]>;
  /** That of the sector bitmap; all zeros if the table ends before it. */
  readonly bitmap: Entry;
}

/** Finds the blocks of a disk. Throws a FormatError if the table is too short for it. */
export function blockTableOf(input: Replayed, region: Area, metadata: Metadata): BlockTable {
  const { diskSize, blockSize, logicalSectorSize: sectorSize, parentLocator } = metadata;
  const blockCount = Math.ceil(diskSize / blockSize);
  const ratio = chunkRatio(blockSize, sectorSize);
  const hasParent = parentLocator !== undefined;
  const entryCount = hasParent
    ? Math.ceil(blockCount / ratio) * (ratio + 1)
    : batEntryCount(blockCount, ratio);
  if (entryCount * BAT_ENTRY_SIZE > region.length) {
    throw damaged(
      `a table of ${region.length} bytes, ${entryCount} entries of ${BAT_ENTRY_SIZE} are needed`,
    );
  }
  const sizes = { diskSize, blockSize, blockCount, sectorSize, ratio, hasParent };
  return { input, tableOffset: region.offset, entryCount, ...sizes };
}

/** Reads the chunks of a table from that of a block on. */
export async function* tableChunks(table: BlockTable, fromBlock: number): AsyncGenerator<Chunk> {
  const { input, tableOffset, entryCount, ratio } = table;
  const first = Math.floor(fromBlock / ratio);
  for (let chunk = first; chunk * (ratio + 1) < entryCount; chunk++) {
    const start = chunk * (ratio + 1);
    const count = Math.min(ratio + 1, entryCount - start);
    const offset = tableOffset + start * BAT_ENTRY_SIZE;
    const view = viewOf(await input.read(offset, count * BAT_ENTRY_SIZE));
    yield decodeChunk(view, chunk * ratio, ratio);
  }
}

function decodeChunk(view: DataView, firstBlock: number, ratio: number): Chunk {
  const count = view.byteLength / BAT_ENTRY_SIZE;
  return {
    firstBlock,
    *blocks() {
      for (let i = 0; i < Math.min(count, ratio); i++) {
        const entry = decodeEntry(view, i);
        if (entry) yield [firstBlock + i, entry];
      }
    },
    bitmap: (count > ratio ? decodeEntry(view, ratio) : undefined) ?? NO_ENTRY,
  };
}

const NO_ENTRY: Entry = { state: NOT_PRESENT, imageOffset: 0, reserved: 0 };

/** Undefined for an entry that is all zeros. */
function decodeEntry(view: DataView, index: number): Entry | undefined {
  const low = view.getUint32(index * BAT_ENTRY_SIZE, true);
  const high = view.getUint32(index * BAT_ENTRY_SIZE + 4, true);
  if ((low | high) === 0) return undefined;
  const imageOffset = (high * 2 ** 12 + (low >>> 20)) * ALIGNMENT;
  return { state: low & 0x7, imageOffset, reserved: low & 0xf_fff8 };
}

const STATES: ReadonlySet<number> = new Set([
  NOT_PRESENT,
  UNDEFINED, // anything, so zeros will do
  ZERO,
  UNMAPPED, // zeros, or what was there before
  UNMAPPED_DRAFT,
  FULLY_PRESENT,
  PARTIALLY_PRESENT,
]);

/** Whether the image has data of the block of an entry. */
export function isPresent({ state }: Entry): boolean {
  return state === FULLY_PRESENT || state === PARTIALLY_PRESENT;
}

/** Bytes of the disk in a block; the last one may not be full. */
export function lengthOf({ blockSize, diskSize }: BlockTable, block: number): number {
  return Math.min(blockSize, diskSize - block * blockSize);
}

/** Why a block cannot be as its entry says; undefined if it can. */
export function blockProblem(table: BlockTable, block: number, entry: Entry): string | undefined {
  const { input, hasParent } = table;
  const { state, imageOffset } = entry;
  if (!STATES.has(state)) return `block ${block} is in the unknown state ${state}`;
  if (state === PARTIALLY_PRESENT && !hasParent) {
    return `block ${block} is partially present, but the disk has no parent`;
  }
  if (!isPresent(entry)) return undefined;
  if (imageOffset === 0) return `block ${block} is in the header`;
  const end = imageOffset + lengthOf(table, block);
  return end > input.size ? `block ${block} ends at ${end}, the image at ${input.size}` : undefined;
}

/** Why the sector bitmap of a chunk cannot be as its entry says; undefined if it can. */
export function bitmapProblem(
  { input, ratio }: BlockTable,
  { firstBlock, bitmap }: Chunk,
): string | undefined {
  const what = `the sector bitmap of blocks ${firstBlock} to ${firstBlock + ratio - 1}`;
  if (bitmap.state !== BITMAP_PRESENT) return `${what} is in state ${bitmap.state}`;
  if (bitmap.imageOffset === 0) return `${what} is in the header`;
  const end = bitmap.imageOffset + BITMAP_SIZE;
  return end > input.size ? `${what} ends at ${end}, the image at ${input.size}` : undefined;
}
