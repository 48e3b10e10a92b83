// Checks what `qemu-img check` does: counts the references to each cluster, compares them with the
// refcounts of the image, and checks the other rules for the tables. Takes two bytes of memory for
// each cluster of the image, and one L2 table at a time.

import type { ImageInput, Problem } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { error } from '../problems.ts';
import { roundDown } from '../rounding.ts';
import { viewOf } from '../struct.ts';
import { checkBitmaps } from './check-bitmaps.ts';
import { l1EntryProblem, l2EntryProblem } from './check-entries.ts';
import { checkCopied, checkRefcounts } from './check-refcounts.ts';
import { type CheckContext, clusterUses, referTable } from './cluster-uses.ts';
import type { Header } from './decode-header.ts';
import {
  compressedPlace,
  decodeEntry,
  decodeL2Entry,
  isCompressed,
  type L2Entry,
  offsetOf,
} from './decode-l2-entry.ts';
import { decodeSnapshots } from './decode-snapshots.ts';
import { hexOffset, tableProblem } from './faults.ts';
import { COMPRESSED_SECTOR, ENTRY_SIZE, MAX_L1_SIZE } from './layout.ts';
import { tablePieces } from './table-pieces.ts';

/**
 * Yields each problem of an image. Throws a FormatError for an image of more than 2^28 clusters.
 */
export async function* checkQcow2(input: ImageInput, header: Header): AsyncGenerator<Problem> {
  const uses = clusterUses(input.size, header.clusterSize);
  const context = { input, header, uses, tableBytes: 0 };
  if (header.corrupt) yield error('the image is marked corrupt');
  if (header.dirty) yield error('the image is marked dirty: its refcounts may be out of date');
  yield* countReferences(context);
  yield* checkRefcounts(context);
  yield* checkCopied(context);
}

async function* countReferences(context: CheckContext): AsyncGenerator<Problem> {
  const { input, header, uses } = context;
  uses.refer('meta', 0, header.clusterSize);
  yield* referL1(context, 'the L1 table', header.l1);
  yield* referSnapshots(context);
  yield* checkBitmaps(context);
  for (let cluster = 0; cluster < uses.clusterCount; cluster++) {
    if (!uses.isL2(cluster)) continue;
    const isHole = input.isHole?.(cluster * header.clusterSize, header.clusterSize);
    if (isHole === true || (await isHole)) continue; // without a wait for each of millions
    yield* referL2(context, cluster);
  }
}

/** Counts an L1 table and the L2 tables that it refers to. */
async function* referL1(
  context: CheckContext,
  what: string,
  { offset, entryCount }: Header['l1'],
): AsyncGenerator<Problem> {
  const { input, header, uses } = context;
  const { clusterSize } = header;
  const size = entryCount * ENTRY_SIZE;
  const misplaced = tableProblem(what, { offset, size }, clusterSize, input.size);
  if (misplaced !== undefined) yield error(misplaced);
  else if (size > MAX_L1_SIZE) {
    yield error(`${what} has ${size} bytes, QEMU's limit is ${MAX_L1_SIZE}`);
  }
  if (misplaced !== undefined || size > MAX_L1_SIZE) return;
  if (!referTable(context, offset, size)) return;
  for await (const { first, count, view } of tablePieces(input, offset, entryCount)) {
    for (let i = 0; i < count; i++) {
      const entry = decodeEntry(view, i);
      const l2Offset = offsetOf(entry);
      const problem = l1EntryProblem(entry, clusterSize);
      if (problem !== undefined) yield error(`entry ${first + i} of ${what}: ${problem}`);
      if (l2Offset === 0 || l2Offset % clusterSize !== 0) continue;
      const outside = uses.refer('l2', l2Offset, l2Offset + clusterSize);
      if (outside) yield outside;
    }
  }
}

async function* referSnapshots(context: CheckContext): AsyncGenerator<Problem> {
  const { input, header, uses } = context;
  const { offset, count } = header.snapshots;
  if (count === 0) return;
  let end = offset;
  try {
    for await (const { name, l1, diskSize, end: entryEnd } of decodeSnapshots(input, header)) {
      end = entryEnd;
      const which = `the snapshot ${JSON.stringify(name)}`;
      if (diskSize === undefined && header.version > 2) {
        yield error(`the entry of ${which} lacks the size of its disk, which version 3 demands`);
      }
      yield* referL1(context, `the L1 table of ${which}`, l1);
      if (context.tableBytes > input.size) break;
    }
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    yield error(cause.message);
  }
  uses.refer('meta', offset, end);
}

/** Counts the clusters of an L2 table, once for each reference to the table itself. */
async function* referL2(context: CheckContext, cluster: number): AsyncGenerator<Problem> {
  const { input, header, uses } = context;
  const { clusterSize, l2EntrySize } = header;
  const start = cluster * clusterSize;
  if (start + clusterSize > input.size) return; // reported where it was counted
  const table = viewOf(await input.read(start, clusterSize));
  const times = uses.count(cluster);
  for (let i = 0; i < clusterSize / l2EntrySize; i++) {
    const entry = decodeL2Entry(table, i, l2EntrySize);
    if ((entry.high | entry.low | entry.zeroBits | entry.allocatedBits) === 0) continue;
    const problem = l2EntryProblem(entry, header);
    if (problem !== undefined) {
      yield error(`entry ${i} of the L2 table at ${hexOffset(start)}: ${problem}`);
    }
    if (header.dataFile !== undefined) continue; // its clusters are not counted
    const outside = referCluster(entry, context, times);
    if (outside) yield outside;
  }
}

function referCluster(
  entry: L2Entry,
  { header, uses }: CheckContext,
  times: number,
): Problem | undefined {
  const { clusterBits, clusterSize } = header;
  if (isCompressed(entry)) {
    const { imageOffset, imageLength } = compressedPlace(entry, clusterBits);
    // The image may end within the last sector.
    const sector = roundDown(imageOffset, COMPRESSED_SECTOR);
    return uses.refer('data', sector, imageOffset + imageLength, times);
  }
  const offset = offsetOf(entry);
  if (offset === 0 || offset % clusterSize !== 0) return undefined;
  return uses.refer('data', offset, offset + clusterSize, times);
}
