import { type ImageInput, type Problem, SECTOR_SIZE } from '../contract.ts';
import { error, leak } from '../problems.ts';
import { type BlockTable, overlapsIn, tableEntries } from './block-table.ts';
import type { FooterCopy, Footers } from './decode-footer.ts';
import { BAT_ENTRY_SIZE, dynamicHeader, footer } from './layout.ts';

/** The problems of a fixed image that has `extra` bytes between the disk and the footer. */
export function checkFixed(extra: number): Problem[] {
  return extra === 0 ? [] : [leak(`${extra} bytes lie between the disk and the footer`)];
}

/** Checks a dynamic image. Keeps its table in memory. */
export async function* checkDynamic(
  input: ImageInput,
  table: BlockTable,
  footers: Footers,
): AsyncGenerator<Problem> {
  yield* checkFooters(footers);
  const { entryCount, blockCount } = table;
  const used = new Uint32Array(blockCount);
  let usedCount = 0;
  for await (const entries of tableEntries(input, table, 0, entryCount)) {
    for (const [index, sector] of entries) {
      if (index >= blockCount) {
        yield leak(`entry ${index} of the table is in use, the disk has only ${blockCount} blocks`);
        continue;
      }
      const problem = placeProblem(index, sector, input, table, footers.end);
      if (problem !== undefined) yield error(problem);
      else used[usedCount++] = sector;
    }
  }
  yield* checkBlocks(used.subarray(0, usedCount).sort(), table, footers.end);
}

function* checkFooters({ end, start }: Footers): Generator<Problem> {
  if (end.damage !== undefined) yield error(`the footer in the last sector ${end.damage}`);
  if (start.damage !== undefined) yield error(`its copy in the first sector ${start.damage}`);
  if (end.damage !== undefined || start.damage !== undefined) return;
  if (end.bytes.some((byte, i) => byte !== start.bytes[i])) {
    yield error('the footer differs from its copy in the first sector');
  }
}

function placeProblem(
  index: number,
  sector: number,
  input: ImageInput,
  table: BlockTable,
  endFooter: FooterCopy,
): string | undefined {
  const { headerOffset, tableOffset, entryCount, bitmapSize, blockSize, diskSize } = table;
  const start = sector * SECTOR_SIZE;
  const end = start + bitmapSize + Math.min(blockSize, diskSize - index * blockSize);
  if (end > input.size) return `block ${index} ends at ${end}, the image at ${input.size}`;
  const tableEnd = tableOffset + entryCount * BAT_ENTRY_SIZE;
  const others: [what: string, start: number, end: number][] = [
    ['the copy of the footer', 0, footer.size],
    ['the dynamic disk header', headerOffset, headerOffset + dynamicHeader.size],
    ['the block allocation table', tableOffset, tableEnd],
  ];
  // An image that was cut off has no footer there.
  if (endFooter.damage === undefined) {
    others.push(['the footer', endFooter.imageOffset, input.size]);
  }
  const hit = others.find(([, otherStart, otherEnd]) => start < otherEnd && otherStart < end);
  return hit && `block ${index} at ${start} overlaps ${hit[0]}`;
}

/** Checks the blocks by their first sectors, which ascend. */
function* checkBlocks(
  sectors: Uint32Array,
  table: BlockTable,
  endFooter: FooterCopy,
): Generator<Problem> {
  const size = table.bitmapSize + table.blockSize;
  for (const [before, at] of overlapsIn(sectors, table)) {
    yield error(`the block at ${at * SECTOR_SIZE} overlaps the one at ${before * SECTOR_SIZE}`);
  }
  const last = sectors.at(-1);
  if (last === undefined || endFooter.damage !== undefined) return;
  const unused = endFooter.imageOffset - (last * SECTOR_SIZE + size);
  if (unused >= size) yield leak(`${unused} bytes lie between the last block and the footer`);
}
