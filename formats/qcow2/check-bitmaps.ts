import type { Problem } from '../contract.ts';
import { viewOf } from '../struct.ts';
import { type CheckContext, error } from './check.ts';
import { hex } from './extensions.ts';
import { offsetOf } from './l2-table.ts';
import { bitmap, ENTRY_SIZE } from './layout.ts';

/** Entries of a bitmap table that are read at a time. */
const STEP = 8192;

/** Counts what the dirty bitmaps of an image take up: their directory, their tables and their clusters. */
export async function* checkBitmaps(context: CheckContext): AsyncGenerator<Problem> {
  const { input, header, uses } = context;
  if (!header.bitmaps) return;
  const { offset, size, count } = header.bitmaps;
  uses.refer('meta', offset, offset + size);
  let at = offset;
  for (let i = 0; i < count; i++) {
    if (at + bitmap.size > offset + size) {
      yield error(
        `the bitmap directory at ${hex(offset)} ends before its bitmap ${i + 1} of ${count}`,
      );
      return;
    }
    const entry = bitmap.decode(await input.read(at, bitmap.size));
    yield* referTable(context, Number(entry.tableOffset), entry.tableSize);
    at = Math.ceil((at + bitmap.size + entry.extraSize + entry.nameSize) / 8) * 8;
  }
}

async function* referTable(
  { input, header, uses }: CheckContext,
  offset: number,
  entryCount: number,
): AsyncGenerator<Problem> {
  const { clusterSize } = header;
  const end = offset + entryCount * ENTRY_SIZE;
  if (offset % clusterSize !== 0 || end > input.size) {
    yield error(`the bitmap table at ${hex(offset)} is not in the image`);
    return;
  }
  const overlaps = uses.isUsed(offset, end);
  uses.refer('meta', offset, end);
  if (overlaps) return; // told of when refcounts are compared
  for (let first = 0; first < entryCount; first += STEP) {
    const entries = Math.min(STEP, entryCount - first);
    const view = viewOf(await input.read(offset + first * ENTRY_SIZE, entries * ENTRY_SIZE));
    for (let i = 0; i < entries; i++) {
      const at = offsetOf(view.getUint32(i * ENTRY_SIZE), view.getUint32(i * ENTRY_SIZE + 4));
      if (at === 0) continue;
      const outside = uses.refer('data', at, at + clusterSize);
      if (outside) yield outside;
    }
  }
}
