import { claimsOf } from '../claims.ts';
import type { Problem } from '../contract.ts';
import { error, leak } from '../problems.ts';
import { roundUp } from '../rounding.ts';
import { FormatError } from '../errors.ts';
import {
  bitmapEntry,
  bitmapProblem,
  type BlockLayout,
  type Entry,
  entryProblem,
  tableEntries,
} from './block-table.ts';
import type { Area, Regions } from './decode-regions.ts';
import {
  ALIGNMENT,
  BITMAP_SIZE,
  FULLY_PRESENT,
  MAX_BLOCK_SIZE,
  NOT_PRESENT,
  PARTIALLY_PRESENT,
} from './layout.ts';

// Of this program: an image of 256 TiB, whose check takes 32 MiB of memory, a bit for each MiB.
const MAX_UNITS = 2 ** 28;

/**
 * Tells what is wrong with an image that has been opened. Throws a FormatError for one that is too
 * large for that.
 */
export async function* checkImage(
  layout: BlockLayout,
  regions: Regions,
  log: Area,
): AsyncGenerator<Problem> {
  const { input } = layout;
  const unitCount = Math.ceil(input.size / ALIGNMENT);
  if (unitCount > MAX_UNITS) {
    throw new FormatError(
      'unsupported',
      `vhdx: an image of ${input.size} bytes, too large to be checked`,
    );
  }
  const claims = claimsOf(roundUp(unitCount, 32), MAX_BLOCK_SIZE / ALIGNMENT);
  const claim: Claim = (what, offset, length) => {
    const taken = claims.claim(offset / ALIGNMENT, length / ALIGNMENT);
    if (taken === undefined) return undefined;
    return error(`${what} at ${offset} overlaps what else lies at ${taken * ALIGNMENT}`);
  };
  if (regions.problem !== undefined) yield error(regions.problem);
  yield* checkAreas(input.size, regions, log, claim);
  for await (const entry of tableEntries(layout, 0)) {
    if (entry.reserved !== 0)
      yield error(`entry ${entry.index} of the table has reserved bits set`);
    const { block } = entry;
    const problem = await (block === undefined
      ? checkBitmap(layout, entry, claim)
      : checkBlock(layout, entry, block, claim));
    if (problem) yield problem;
  }
}

/** Takes a part of the image, whole MiB; answers what is wrong if it is taken already. */
type Claim = (what: string, offset: number, length: number) => Problem | undefined;

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
    yield error(`${log.what} has ${log.length} bytes at ${log.offset}, the image ${imageSize}`);
  }
  for (const { what, offset, length } of [header, ...all, ...(isInside ? [log] : [])]) {
    const problem = claim(what, offset, length);
    if (problem) yield problem;
  }
}

function checkBitmap(layout: BlockLayout, entry: Entry, claim: Claim): Problem | undefined {
  const { index, state, imageOffset } = entry;
  if (state === NOT_PRESENT) return undefined;
  if (!layout.hasParent) {
    return error(`entry ${index} has a sector bitmap, which is for disks with a parent`);
  }
  const problem = bitmapProblem(layout, entry);
  if (problem !== undefined) return error(problem);
  return claim(`the sector bitmap of entry ${index}`, imageOffset, BITMAP_SIZE);
}

async function checkBlock(
  layout: BlockLayout,
  entry: Entry,
  block: number,
  claim: Claim,
): Promise<Problem | undefined> {
  const { blockCount, blockSize } = layout;
  const { state, imageOffset } = entry;
  if (block >= blockCount) {
    return leak(`the table names block ${block}, the disk has only ${blockCount}`);
  }
  const problem = entryProblem(layout, entry, block);
  if (problem !== undefined) return error(problem);
  if (state !== FULLY_PRESENT && state !== PARTIALLY_PRESENT) return undefined;
  if (state === PARTIALLY_PRESENT) {
    const bitmap = bitmapProblem(layout, await bitmapEntry(layout, block));
    if (bitmap !== undefined) return error(bitmap);
  }
  return claim(`block ${block}`, imageOffset, blockSize);
}
