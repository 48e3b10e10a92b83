import { claimsOf } from '../claims.ts';
import type { Problem } from '../contract.ts';
import { error, leak } from '../problems.ts';
import { roundUp } from '../rounding.ts';
import {
  bitmapProblem,
  blockProblem,
  type BlockTable,
  type Chunk,
  type Entry,
  isPresent,
  tableChunks,
} from './block-table.ts';
import type { Area, Regions } from './decode-regions.ts';
import { unsupported } from './faults.ts';
import {
  ALIGNMENT,
  BITMAP_SIZE,
  MAX_BLOCK_SIZE,
  NOT_PRESENT,
  PARTIALLY_PRESENT,
} from './layout.ts';

// Limit of this program: images of 256 TiB, with 32 MiB of memory for a bit for each MiB.
const MAX_UNITS = 2 ** 28;

/** Marks a part of the image, whole MiB, as used. Returns a problem if it is used already. */
type Claim = (what: string, offset: number, length: number) => Problem | undefined;

/** Checks the structure of an image. Throws a FormatError if the image is too large. */
export async function* checkImage(
  table: BlockTable,
  regions: Regions,
  log: Area,
): AsyncGenerator<Problem> {
  const { input } = table;
  const unitCount = Math.ceil(input.size / ALIGNMENT);
  if (unitCount > MAX_UNITS) {
    throw unsupported(`an image of ${input.size} bytes is too large for a check`);
  }
  const claims = claimsOf(roundUp(unitCount, 32), MAX_BLOCK_SIZE / ALIGNMENT);
  const claim: Claim = (what, offset, length) => {
    const taken = claims.claim(offset / ALIGNMENT, length / ALIGNMENT);
    if (taken === undefined) return undefined;
    return error(`${what} at ${offset} overlaps another structure at ${taken * ALIGNMENT}`);
  };
  if (regions.problem !== undefined) yield error(regions.problem);
  yield* checkAreas(input.size, regions, log, claim);
  for await (const chunk of tableChunks(table, 0)) {
    yield* checkBitmap(table, chunk, claim);
    for (const [block, entry] of chunk.blocks()) {
      yield* checkBlock(table, chunk, block, entry, claim);
    }
  }
}

function* checkAreas(
  imageSize: number,
  { all }: Regions,
  log: Area,
  claim: Claim,
): Generator<Problem> {
  const header = { what: 'the header', offset: 0, length: ALIGNMENT };
  const isAligned = log.offset % ALIGNMENT === 0 && log.length % ALIGNMENT === 0;
  const isInside = isAligned && log.offset + log.length <= imageSize;
  if (!isInside) {
    const size = `the image has ${imageSize} bytes`;
    yield error(`${log.what} has ${log.length} bytes at ${log.offset}, ${size}`);
  }
  for (const { what, offset, length } of [header, ...all, ...(isInside ? [log] : [])]) {
    const problem = claim(what, offset, length);
    if (problem) yield problem;
  }
}

function* checkBitmap(table: BlockTable, chunk: Chunk, claim: Claim): Generator<Problem> {
  const { firstBlock, bitmap } = chunk;
  const what = `the sector bitmap of the blocks from ${firstBlock} on`;
  if (bitmap.reserved !== 0) yield error(`${what} has reserved bits set in its entry`);
  if (bitmap.state === NOT_PRESENT) return;
  if (!table.hasParent) {
    yield error(`${what} is in state ${bitmap.state}, but the disk has no parent`);
    return;
  }
  const problem = bitmapProblem(table, chunk);
  const found =
    problem === undefined ? claim(what, bitmap.imageOffset, BITMAP_SIZE) : error(problem);
  if (found) yield found;
}

function* checkBlock(
  table: BlockTable,
  chunk: Chunk,
  block: number,
  entry: Entry,
  claim: Claim,
): Generator<Problem> {
  const { blockCount, blockSize } = table;
  if (entry.reserved !== 0) yield error(`block ${block} has reserved bits set in its entry`);
  if (block >= blockCount) {
    yield leak(`the table has an entry for block ${block}, the disk has only ${blockCount} blocks`);
    return;
  }
  let problem = blockProblem(table, block, entry);
  if (entry.state === PARTIALLY_PRESENT) problem ??= bitmapProblem(table, chunk);
  if (problem !== undefined) yield error(problem);
  else if (isPresent(entry)) {
    const overlap = claim(`block ${block}`, entry.imageOffset, blockSize);
    if (overlap) yield overlap;
  }
}
