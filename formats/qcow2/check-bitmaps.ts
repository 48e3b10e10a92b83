import type { Problem } from '../contract.ts';
import { error } from '../problems.ts';
import { roundUp } from '../rounding.ts';
import { type CheckContext, referTable } from './cluster-uses.ts';
import { decodeEntry, offsetOf } from './decode-l2-entry.ts';
import { hexOffset, tableProblem } from './faults.ts';
import { bitmap, ENTRY_SIZE, MAX_BITMAP_SIZE } from './layout.ts';
import { tablePieces } from './table-pieces.ts';

/** Counts the references of the dirty bitmaps: their directory, their tables and their clusters. */
export async function* checkBitmaps(context: CheckContext): AsyncGenerator<Problem> {
  const { input, header, uses } = context;
  if (!header.bitmaps) return;
  const { offset, size, count } = header.bitmaps;
  uses.refer('meta', offset, offset + size);
  let at = offset;
  for (let i = 0; i < count; i++) {
    if (at + bitmap.size > offset + size) {
      const where = `the bitmap directory at ${hexOffset(offset)}`;
      yield error(`${where} ends before bitmap ${i + 1} of ${count}`);
      return;
    }
    const entry = bitmap.decode(await input.read(at, bitmap.size));
    yield* referBitmap(context, Number(entry.tableOffset), entry.tableSize);
    if (context.tableBytes > input.size) return;
    at = roundUp(at + bitmap.size + entry.extraSize + entry.nameSize, 8);
  }
}

async function* referBitmap(
  context: CheckContext,
  offset: number,
  entryCount: number,
): AsyncGenerator<Problem> {
  const { input, header, uses } = context;
  const { clusterSize } = header;
  const size = entryCount * ENTRY_SIZE;
  const misplaced = tableProblem('the bitmap table', { offset, size }, clusterSize, input.size);
  if (misplaced !== undefined) {
    yield error(misplaced);
    return;
  }
  if (entryCount * clusterSize > MAX_BITMAP_SIZE) {
    yield error(`the bitmap table at ${hexOffset(offset)} has ${entryCount} entries, too many`);
    return;
  }
  if (!referTable(context, offset, size)) return;
  for await (const { count, view } of tablePieces(input, offset, entryCount)) {
    for (let i = 0; i < count; i++) {
      const at = offsetOf(decodeEntry(view, i));
      if (at === 0) continue;
      const outside = uses.refer('data', at, at + clusterSize);
      if (outside) yield outside;
    }
  }
}
