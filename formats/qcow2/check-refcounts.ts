// The refcounts of an image against the references that were counted, and the flags that speak of them.

import type { Problem } from '../contract.ts';
import { viewOf } from '../struct.ts';
import { type CheckContext, error } from './check.ts';
import { COUNT_LIMIT } from './cluster-uses.ts';
import { hex } from './extensions.ts';
import { isCompressed, l2Entry, offsetOf } from './l2-table.ts';
import { COPIED_HIGH, ENTRY_SIZE } from './layout.ts';
import { refcountReader } from './refcounts.ts';

const RESERVED_LOW = 0x1ff;

/** Counts the refcount structures themselves, then compares: what is referred to too little is a leak. */
export async function* checkRefcounts(context: CheckContext): AsyncGenerator<Problem> {
  const { input, header, uses } = context;
  const { offset, size } = header.refcountTable;
  if (offset % header.clusterSize !== 0 || offset + size > input.size) {
    yield error(`the refcount table at ${hex(offset)} is not in the image`);
    return;
  }
  uses.refer('meta', offset, offset + size);
  const blocks: (number | undefined)[] = [];
  yield* referBlocks(context, await input.read(offset, size), blocks);
  const perBlock = (header.clusterSize * 8) / 2 ** header.refcountOrder;
  const leaks = leakRange(header.clusterSize);
  for (let first = 0, i = 0; first < uses.clusterCount; first += perBlock, i++) {
    const at = blocks[i];
    const block = at === undefined ? undefined : await input.read(at, header.clusterSize);
    const stored = block ? refcountReader(block, header.refcountOrder) : () => 0;
    const end = Math.min(first + perBlock, uses.clusterCount);
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
  const { clusterSize } = header;
  const view = viewOf(table);
  for (let i = 0; i < table.length / ENTRY_SIZE; i++) {
    const high = view.getUint32(i * ENTRY_SIZE);
    const low = view.getUint32(i * ENTRY_SIZE + 4);
    const offset = high * 2 ** 32 + (low - (low & RESERVED_LOW));
    if (offset === 0) continue;
    const where = `entry ${i} of the refcount table: ${hex(offset)}`;
    if (offset % clusterSize !== 0 || (low & RESERVED_LOW) !== 0) {
      yield error(`${where} is not aligned to a cluster`);
      continue;
    }
    const outside = uses.refer('meta', offset, offset + clusterSize);
    if (outside) yield outside;
    else if (offset + clusterSize <= input.size) blocks[i] = offset;
    else yield error(`${where}: the image ends within the refcount block`);
  }
}

function compare(
  cluster: number,
  stored: number,
  { header, uses }: CheckContext,
): Problem | 'leak' | undefined {
  const counted = uses.count(cluster);
  const overlap = counted > 0 ? uses.overlap(cluster) : undefined;
  const at = hex(cluster * header.clusterSize);
  if (overlap !== undefined) return error(`the cluster at ${at} is used for ${overlap}`);
  if (counted === stored || (counted === COUNT_LIMIT && stored > counted)) return undefined;
  if (stored > counted && counted === 0) return 'leak';
  const message = `the cluster at ${at} has refcount ${stored}, ${counted} refer to it`;
  return { message, severity: stored > counted ? 'leak' : 'error' };
}

/** Joins leaked clusters, of which there may be thousands after a crash, to ranges. */
function leakRange(clusterSize: number) {
  let start: number | undefined;
  let count = 0;
  return {
    /** Answers the range that ends before this cluster, if one does. */
    next(cluster: number, leaked: boolean): Problem | undefined {
      if (leaked) {
        start ??= cluster;
        count++;
        return undefined;
      }
      if (start === undefined) return undefined;
      const what = count === 1 ? 'a cluster is' : `${count} clusters are`;
      const message = `${what} leaked at ${hex(start * clusterSize)}: allocated, but nothing refers to it`;
      start = undefined;
      count = 0;
      return { severity: 'leak', message };
    },
  };
}

/**
 * "COPIED" must be set in the active tables where just one refers to a cluster, and nowhere else: a writer would otherwise
 * write into what a snapshot holds.
 */
export async function* checkCopied({ input, header, uses }: CheckContext): AsyncGenerator<Problem> {
  const { clusterSize, l2EntrySize } = header;
  const { offset, entryCount } = header.l1;
  const l1 = viewOf(await input.read(offset, entryCount * ENTRY_SIZE));
  const seen = new Set<number>();
  const wrong = (high: number, target: number) =>
    (uses.count(target / clusterSize) === 1) !== ((high & COPIED_HIGH) !== 0);
  for (let i = 0; i < entryCount; i++) {
    const high = l1.getUint32(i * ENTRY_SIZE);
    const l2Offset = offsetOf(high, l1.getUint32(i * ENTRY_SIZE + 4));
    const readable = l2Offset % clusterSize === 0 && l2Offset + clusterSize <= input.size;
    if (l2Offset === 0 || !readable || seen.has(l2Offset)) continue;
    seen.add(l2Offset);
    if (wrong(high, l2Offset)) {
      yield error(
        `entry ${i} of the L1 table: the copied flag is wrong for the L2 table at ${hex(l2Offset)}`,
      );
    }
    const l2 = viewOf(await input.read(l2Offset, clusterSize));
    for (let j = 0; j < clusterSize / l2EntrySize; j++) {
      const entry = l2Entry(l2, j, l2EntrySize);
      if ((entry.high | entry.low) === 0 || isCompressed(entry)) continue;
      const target = offsetOf(entry.high, entry.low);
      if (target === 0 || target % clusterSize !== 0 || header.dataFile !== undefined) continue;
      if (wrong(entry.high, target)) {
        const where = `entry ${j} of the L2 table at ${hex(l2Offset)}`;
        yield error(`${where}: the copied flag is wrong for the cluster at ${hex(target)}`);
      }
    }
  }
}
