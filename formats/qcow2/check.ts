// What `qemu-img check` checks: who refers to which cluster, counted anew, against the refcounts of the image; and what
// else tables must hold to. Needs two bytes of memory for each cluster of the image, and an L2 table at a time.

import type { ImageInput, Problem } from '../contract.ts';
import { FormatError } from '../errors.ts';
import { viewOf } from '../struct.ts';
import { checkBitmaps } from './check-bitmaps.ts';
import { checkCopied, checkRefcounts } from './check-refcounts.ts';
import { l2EntryProblem, tableEntryProblem } from './check-entries.ts';
import { type ClusterUses, clusterUses } from './cluster-uses.ts';
import { hex } from './extensions.ts';
import type { Header } from './header.ts';
import { compressedExtent, isCompressed, l2Entry, offsetOf } from './l2-table.ts';
import { COMPRESSED_SECTOR, ENTRY_SIZE, MAX_L1_SIZE } from './layout.ts';
import { readSnapshots } from './snapshots.ts';

/** What the steps of a check share. */
export interface CheckContext {
  readonly input: ImageInput;
  readonly header: Header;
  readonly uses: ClusterUses;
}

/** Tells every problem of an image's structure. Throws a FormatError for an image of more than 2^28 clusters. */
export async function* checkImage(input: ImageInput, header: Header): AsyncGenerator<Problem> {
  const context = { input, header, uses: clusterUses(input.size, header.clusterSize) };
  if (header.corrupt) yield error('the image is marked corrupt');
  if (header.dirty) yield error('the image is marked dirty: its refcounts may be out of date');
  yield* references(context);
  yield* checkRefcounts(context);
  yield* checkCopied(context);
}

/** A problem that may make the disk read wrong. */
export function error(message: string): Problem {
  return { severity: 'error', message };
}

async function* references(context: CheckContext): AsyncGenerator<Problem> {
  const { header, uses } = context;
  uses.refer('meta', 0, header.clusterSize);
  yield* referL1(context, 'the L1 table', header.l1);
  yield* referSnapshots(context);
  yield* checkBitmaps(context);
  for (let cluster = 0; cluster < uses.clusterCount; cluster++) {
    if (uses.isL2(cluster)) yield* referL2(context, cluster);
  }
}

/** Counts an L1 table and the L2 tables that it names. */
async function* referL1(
  { input, header, uses }: CheckContext,
  what: string,
  { offset, entryCount }: Header['l1'],
): AsyncGenerator<Problem> {
  const end = offset + entryCount * ENTRY_SIZE;
  if (offset % header.clusterSize !== 0 || end > input.size || end - offset > MAX_L1_SIZE) {
    yield error(`${what} at ${hex(offset)} is not in the image`);
    return;
  }
  // One that is where another table is would be read as often as a hostile image likes.
  const overlaps = uses.isUsed(offset, end);
  uses.refer('meta', offset, end);
  if (overlaps) return;
  const view = viewOf(await input.read(offset, end - offset));
  for (let i = 0; i < entryCount; i++) {
    const high = view.getUint32(i * ENTRY_SIZE);
    const low = view.getUint32(i * ENTRY_SIZE + 4);
    const l2Offset = offsetOf(high, low);
    const problem = tableEntryProblem(high, low, header.clusterSize);
    if (problem) yield error(`entry ${i} of ${what}: ${problem}`);
    if (l2Offset === 0 || l2Offset % header.clusterSize !== 0) continue;
    const outside = uses.refer('l2', l2Offset, l2Offset + header.clusterSize);
    if (outside) yield outside;
  }
}

async function* referSnapshots(context: CheckContext): AsyncGenerator<Problem> {
  const { input, header, uses } = context;
  const { offset, count } = header.snapshots;
  if (count === 0) return;
  let end = offset;
  try {
    for await (const { name, l1, end: entryEnd } of readSnapshots(input, header)) {
      end = entryEnd;
      yield* referL1(context, `the L1 table of the snapshot ${JSON.stringify(name)}`, l1);
    }
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause;
    yield error(cause.message);
  }
  uses.refer('meta', offset, end);
}

/** Counts what an L2 table refers to, once for each reference to the table itself. */
async function* referL2(context: CheckContext, cluster: number): AsyncGenerator<Problem> {
  const { input, header, uses } = context;
  const { clusterSize, l2EntrySize } = header;
  const start = cluster * clusterSize;
  if (start + clusterSize > input.size) return; // told of where it was counted
  const table = viewOf(await input.read(start, clusterSize));
  const times = uses.count(cluster);
  for (let i = 0; i < clusterSize / l2EntrySize; i++) {
    const entry = l2Entry(table, i, l2EntrySize);
    if ((entry.high | entry.low | entry.zeroBits | entry.allocatedBits) === 0) continue;
    const problem = l2EntryProblem(entry, header);
    if (problem) yield error(`entry ${i} of the L2 table at ${hex(start)}: ${problem}`);
    if (header.dataFile !== undefined) continue; // its clusters are not counted
    let outside: Problem | undefined;
    if (isCompressed(entry)) {
      const { imageOffset, imageLength } = compressedExtent(entry, header.clusterBits);
      // Its last sector may begin where the image ends.
      const end = imageOffset + imageLength;
      const sector = Math.floor(imageOffset / COMPRESSED_SECTOR) * COMPRESSED_SECTOR;
      outside = uses.refer('data', sector, end, times);
    } else {
      const offset = offsetOf(entry.high, entry.low);
      if (offset !== 0 && offset % clusterSize === 0) {
        outside = uses.refer('data', offset, offset + clusterSize, times);
      }
    }
    if (outside) yield outside;
  }
}
