import { type ImageInput, type Problem, SECTOR_SIZE } from '../contract.ts';
import { error, leak } from '../problems.ts';
import { type DynamicLayout, tableEntries } from './dynamic-reader.ts';
import { type FooterCopy, type Footers } from './footers.ts';
import { BAT_ENTRY_SIZE, dynamicHeader, footer } from './layout.ts';

/** Tells what is wrong with a dynamic image whose header has been read. Keeps the table in memory. */
export async function* checkDynamic(
  input: ImageInput,
  layout: DynamicLayout,
  footers: Footers,
): AsyncGenerator<Problem> {
  yield* checkFooters(footers);
  const { entryCount, blockCount } = layout;
  const used = new Uint32Array(blockCount);
  let usedCount = 0;
  for await (const [index, sector] of tableEntries(input, layout, 0, entryCount)) {
    if (index >= blockCount) {
      yield leak(`entry ${index} of the table names a block, the disk has only ${blockCount}`);
      continue;
    }
    const problem = placeProblem(index, sector, input, layout, footers.end);
    if (problem !== undefined) yield error(problem);
    else used[usedCount++] = sector;
  }
  yield* checkBlocks(used.subarray(0, usedCount).sort(), layout, footers.end);
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
  layout: DynamicLayout,
  endFooter: FooterCopy,
): string | undefined {
  const { headerOffset, tableOffset, entryCount, bitmapSize, blockSize, diskSize } = layout;
  const start = sector * SECTOR_SIZE;
  const end = start + bitmapSize + Math.min(blockSize, diskSize - index * blockSize);
  if (end > input.size) return `block ${index} ends at ${end}, the image at ${input.size}`;
  const tableEnd = tableOffset + entryCount * BAT_ENTRY_SIZE;
  const others: [what: string, start: number, end: number][] = [
    ['the copy of the footer', 0, footer.size],
    ['the dynamic disk header', headerOffset, headerOffset + dynamicHeader.size],
    ['the table of blocks', tableOffset, tableEnd],
  ];
  // One that is missing, as in an image that was cut off, has no place.
  if (endFooter.damage === undefined)
    others.push(['the footer', endFooter.imageOffset, input.size]);
  const hit = others.find(([, otherStart, otherEnd]) => start < otherEnd && otherStart < end);
  return hit && `block ${index} at ${start} overlaps ${hit[0]}`;
}

/** The blocks by their first sectors, ascending. All have one size. */
function* checkBlocks(
  sectors: Uint32Array,
  { bitmapSize, blockSize }: DynamicLayout,
  endFooter: FooterCopy,
): Generator<Problem> {
  const size = bitmapSize + blockSize;
  const sectorCount = size / SECTOR_SIZE;
  for (let i = 1; i < sectors.length; i++) {
    const before = sectors[i - 1]!;
    const at = sectors[i]!;
    if (at - before >= sectorCount) continue;
    yield error(`the block at ${at * SECTOR_SIZE} overlaps the one at ${before * SECTOR_SIZE}`);
  }
  const last = sectors.at(-1);
  if (last === undefined || endFooter.damage !== undefined) return;
  const unused = endFooter.imageOffset - (last * SECTOR_SIZE + size);
  if (unused >= size) yield leak(`${unused} bytes lie between the last block and the footer`);
}
