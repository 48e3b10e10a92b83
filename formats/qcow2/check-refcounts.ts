// Compares the refcounts of an image, and the flags that depend on them, with the references that
// were counted.

import type { Problem } from '../contract.ts';
import { error, leak } from '../problems.ts';
import { viewOf } from '../struct.ts';
import { type CheckContext, COUNT_LIMIT } from './cluster-uses.ts';
import { decodeEntry, decodeL2Entry, isCompressed, offsetOf } from './decode-l2-entry.ts';
import { decodeRefcounts } from './decode-refcounts.ts';
import { hexOffset, tableProblem } from './faults.ts';
import { COPIED_HIGH, ENTRY_SIZE, RESERVED_LOW } from './layout.ts';

/**
 * Counts the refcount structures themselves, then compares: a refcount that is too high is a leak.
 */
export async function* checkRefcounts(context: CheckContext): AsyncGenerator<Problem> {
  const { input, header, uses } = context;
  const { clusterSize, refcountTable, refcountOrder } = header;
  const { offset, size } = refcountTable;
  const misplaced = tableProblem('the refcount table', refcountTable, clusterSize, input.size);
  if (misplaced !== undefined) {
    yield error(misplaced);
    return;
  }
  uses.refer('meta', offset, offset + size);
  const blocks: (number | undefined)[] = [];
  yield* referBlocks(context, await input.read(offset, size), blocks);
  const perBlock = (clusterSize * 8) / 2 ** refcountOrder;
  const leaks = leakRange(clusterSize);
  for (let first = 0, i = 0; first < uses.clusterCount; first += perBlock, i++) {
    const at = blocks[i];
    const isZero = at === undefined || ((await input.isHole?.(at, clusterSize)) ?? false);
    const end = Math.min(first + perBlock, uses.clusterCount);
    if (isZero && !uses.isUsed(first * clusterSize, end * clusterSize)) continue;
    const block = isZero ? undefined : await input.read(at, clusterSize);
    const stored = block ? decodeRefcounts(block, refcountOrder) : () => 0;
    for (let cluster = first; cluster < end; cluster++) {
      const problem = compare(cluster, stored(cluster - first), context);
      const leaked = leaks.next(cluster, problem === 'leak');
      if (leaked) yield leaked;
      if (problem !== undefined && problem !== 'leak') yield problem;
    }
  }
  const leaked = leaks.next(-1, false);
  if (leaked) yield leaked;
}

/** Puts the image offset of each refcount block that can be read into `blocks`. */
function* referBlocks(
  { input, header, uses }: CheckContext,
  table: Uint8Array,
  blocks: (number | undefined)[],
): Generator<Problem> {
  const { clusterSize: size } = header;
  const view = viewOf(table);
  for (let i = 0; i < table.length / ENTRY_SIZE; i++) {
    const { high, low } = decodeEntry(view, i);
    const offset = high * 2 ** 32 + (low - (low & RESERVED_LOW));
    if (offset === 0) continue;
    const misplaced = tableProblem(
      `the refcount block of entry ${i}`,
      { offset, size },
      size,
      input.size,
    );
    const isReserved = (low & RESERVED_LOW) !== 0;
    if (offset % size === 0 && !isReserved) uses.refer('meta', offset, offset + size);
    if (isReserved) yield error(`entry ${i} of the refcount table: reserved bits are set`);
    else if (misplaced !== undefined) yield error(misplaced);
    else blocks[i] = offset;
  }
}

function compare(
  cluster: number,
  stored: number,
  { header, uses }: CheckContext,
): Problem | 'leak' | undefined {
  const counted = uses.count(cluster);
  if (counted === 0 && stored === 0) return undefined; // as for most clusters of a sparse file
  const overlap = counted > 0 ? uses.overlap(cluster) : undefined;
  const where = `the cluster at ${hexOffset(cluster * header.clusterSize)}`;
  if (overlap !== undefined) return error(`${where} is used for ${overlap}`);
  if (counted === stored || (counted === COUNT_LIMIT && stored > counted)) return undefined;
  if (stored > counted && counted === 0) return 'leak';
  const problem = `${where} has refcount ${stored}, expected ${counted}`;
  return stored > counted ? leak(problem) : error(problem);
}

/** Joins leaked clusters, of which there may be thousands after a crash, to ranges. */
function leakRange(clusterSize: number) {
  let start: number | undefined;
  let count = 0;
  return {
    /** Returns the problem of a range that ends before this cluster. */
    next(cluster: number, isLeaked: boolean): Problem | undefined {
      if (isLeaked) {
        start ??= cluster;
        count++;
        return undefined;
      }
      if (start === undefined) return undefined;
      const what = count === 1 ? 'a cluster is' : `${count} clusters are`;
      const where = hexOffset(start * clusterSize);
      start = undefined;
      count = 0;
      return leak(`${what} leaked at ${where}: allocated, but nothing refers to it`);
    },
  };
}

/**
 * Checks that the active tables have the copied flag exactly where a cluster has one reference.
 * Else a writer would write into a cluster that a snapshot holds.
 */
export async function* checkCopied({ input, header, uses }: CheckContext): AsyncGenerator<Problem> {
  const { clusterSize, l2EntrySize } = header;
  const { offset, entryCount } = header.l1;
  const l1 = viewOf(await input.read(offset, entryCount * ENTRY_SIZE));
  const seen = new Set<number>();
  const isWrong = (high: number, target: number) =>
    (uses.count(target / clusterSize) === 1) !== ((high & COPIED_HIGH) !== 0);
  for (let i = 0; i < entryCount; i++) {
    const l1Entry = decodeEntry(l1, i);
    const l2Offset = offsetOf(l1Entry);
    const isReadable = l2Offset % clusterSize === 0 && l2Offset + clusterSize <= input.size;
    if (l2Offset === 0 || !isReadable || seen.has(l2Offset)) continue;
    seen.add(l2Offset);
    const table = `the L2 table at ${hexOffset(l2Offset)}`;
    if (isWrong(l1Entry.high, l2Offset)) {
      yield error(`entry ${i} of the L1 table: the copied flag is wrong for ${table}`);
    }
    if (await input.isHole?.(l2Offset, clusterSize)) continue;
    const l2 = viewOf(await input.read(l2Offset, clusterSize));
    for (let j = 0; j < clusterSize / l2EntrySize; j++) {
      const entry = decodeL2Entry(l2, j, l2EntrySize);
      if ((entry.high | entry.low) === 0 || isCompressed(entry)) continue;
      const target = offsetOf(entry);
      if (target === 0 || target % clusterSize !== 0 || header.dataFile !== undefined) continue;
      if (isWrong(entry.high, target)) {
        const cluster = `the cluster at ${hexOffset(target)}`;
        yield error(`entry ${j} of ${table}: the copied flag is wrong for ${cluster}`);
      }
    }
  }
}
