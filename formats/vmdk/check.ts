import { MAX_COMPRESSED_EXTENT, type Problem, SECTOR_SIZE } from '../contract.ts';
import { error, leak } from '../problems.ts';
import { roundUp, sectorsOf } from '../rounding.ts';
import { type Claims, claimsOf } from '../claims.ts';
import {
  ENTRY_SIZE,
  GRAIN_DIRECTORY,
  GRAIN_TABLE,
  grainMarker,
  marker,
  ZEROED_GRAIN,
} from './layout.ts';
import { isTableHole, placeProblem, readGrainTable, type SparseExtent } from './sparse-extent.ts';

// Sectors of a window of the image: 64 GiB, a bitmap of 16 MiB.
const WINDOW = 2 ** 27;

// Sectors of the longest grain, which can begin in one window and end in the next.
const REACH = (2 * MAX_COMPRESSED_EXTENT) / SECTOR_SIZE + 32;

/** Sectors of the image. */
type Range = readonly [start: number, count: number];

/** Checks a sparse extent: reads each table and the marker of each grain. */
export async function* checkSparse(extent: SparseExtent): AsyncGenerator<Problem> {
  if (extent.header.uncleanShutdown !== 0) yield error('the image was not closed');
  if (extent.hasFooter) yield* checkMarkers(extent);
  yield* checkRedundant(extent);
  yield* checkGrains(extent);
}

/** Checks the markers in front of tables and directory, which readers of a stream need. */
async function* checkMarkers(extent: SparseExtent): AsyncGenerator<Problem> {
  for (const [type, sector, count, what] of markedPlaces(extent)) {
    if (sector === 0 || sector * SECTOR_SIZE > extent.input.size) continue;
    const offset = (sector - 1) * SECTOR_SIZE;
    const known = extent.input.isHole?.(offset, marker.size);
    const isHole = known === true || (await known); // without a wait for each of millions
    const found = isHole ? undefined : marker.decode(await extent.input.read(offset, marker.size));
    if (found?.type === type && found.size === 0 && found.sectorCount === BigInt(count)) continue;
    const where = `the grain ${what} at sector ${sector}`;
    yield error(`${where} has no marker of ${count} sectors in front of it`);
  }
}

/** The directory and the tables, one at a time: of a list, millions would take GiB. */
function* markedPlaces({
  directory,
  header,
  tableGrains,
}: SparseExtent): Generator<readonly [type: number, ...Range, what: string]> {
  const gdSector = Number(header.gdOffset);
  yield [GRAIN_DIRECTORY, gdSector, tableSectors(directory.length), 'directory'];
  const count = tableSectors(tableGrains);
  for (const sector of directory) if (sector !== 0) yield [GRAIN_TABLE, sector, count, 'table'];
}

async function* checkRedundant(extent: SparseExtent): AsyncGenerator<Problem> {
  const { directory, redundantDirectory } = extent;
  if (!redundantDirectory) return;
  for (const [index, sector] of directory.entries()) {
    const other = redundantDirectory[index]!; // both have an entry for each table
    const entries = await tableOrProblem(extent, sector);
    const otherEntries = await tableOrProblem(extent, other);
    if (typeof otherEntries === 'string') {
      yield error(`in the redundant directory, ${otherEntries}`);
    }
    if (typeof entries === 'string' || typeof otherEntries === 'string') continue;
    const differing = differenceOf(entries, otherEntries);
    if (differing === -1) continue;
    const grain = index * extent.tableGrains + differing;
    const sectors = `sector ${entries?.[differing] ?? 0} and at sector ${otherEntries?.[differing] ?? 0}`;
    yield error(`the two tables of grain ${grain} have it at ${sectors}`);
  }
}

/** The first entry in which two tables differ, of which one may be undefined; -1 if none does. */
function differenceOf(one: Uint32Array | undefined, other: Uint32Array | undefined): number {
  return (one ?? other)?.findIndex((_, i) => (one?.[i] ?? 0) !== (other?.[i] ?? 0)) ?? -1;
}

/** The entries of a table, undefined if all are 0; or what is wrong with its place. */
async function tableOrProblem(
  extent: SparseExtent,
  sector: number,
): Promise<Uint32Array | string | undefined> {
  if (sector === 0) return undefined;
  const end = sector * SECTOR_SIZE + extent.tableGrains * ENTRY_SIZE;
  if (end <= extent.input.size) {
    return (await isTableHole(extent, sector)) ? undefined : readGrainTable(extent, sector);
  }
  return `the grain table at sector ${sector} ends at ${end}, the image at ${extent.input.size}`;
}

async function* checkGrains(extent: SparseExtent): AsyncGenerator<Problem> {
  const { directory, tableGrains, input, size, grainSize } = extent;
  const grainCount = Math.ceil(size / grainSize);
  const sectorCount = Math.min(sectorsOf(input.size), 2 ** 32);
  const windowSize = Math.min(WINDOW, roundUp(sectorCount, 32));
  const claims = claimsOf(windowSize, REACH);
  const empty = new Uint8Array(directory.length); // 1: a table that no window needs again
  for (let start = 0; start < sectorCount; start += windowSize) {
    if (start > 0) claims.next();
    yield* claimMetadata(extent, claims, start, windowSize);
    for (const [index, sector] of directory.entries()) {
      if (empty[index] === 1) continue;
      const table = await tableOrProblem(extent, sector);
      if (typeof table === 'string') yield error(table);
      if (typeof table !== 'object') {
        empty[index] = 1;
        continue;
      }
      const first = index * tableGrains;
      for (const [i, entry] of table.entries()) {
        if (entry === 0 || (entry === ZEROED_GRAIN && extent.hasZeroedGrains)) continue;
        const isInWindow = entry >= start && entry < start + windowSize;
        const isPastEnd = entry >= sectorCount && start === 0;
        if (!isInWindow && !isPastEnd) continue;
        const problem = await grainProblem(extent, claims, first + i, entry, grainCount);
        if (problem) yield problem;
      }
    }
  }
}

async function grainProblem(
  extent: SparseExtent,
  claims: Claims,
  grain: number,
  sector: number,
  grainCount: number,
): Promise<Problem | undefined> {
  if (grain >= grainCount) {
    return leak(`a table has grain ${grain}, the disk has only ${grainCount}`);
  }
  const length = extent.isCompressed
    ? await compressedLength(extent, grain, sector)
    : Math.min(extent.grainSize, extent.size - grain * extent.grainSize);
  if (typeof length === 'string') return error(length);
  const problem = placeProblem(extent, grain, sector, length);
  if (problem !== undefined) return error(problem);
  const taken = claims.claim(sector, sectorsOf(length));
  if (taken === undefined) return undefined;
  return error(`grain ${grain} at sector ${sector} overlaps other data at sector ${taken}`);
}

/** Bytes of a compressed grain with its marker, or what is wrong with the marker. */
async function compressedLength(
  extent: SparseExtent,
  grain: number,
  sector: number,
): Promise<number | string> {
  const { input, grainSize, hasMarkers } = extent;
  const outside = placeProblem(extent, grain, sector, grainMarker.size + 1);
  if (outside !== undefined) return outside;
  if (!hasMarkers) return 1; // only the stream itself says how long it is
  const { lba, size } = grainMarker.decode(
    await input.read(sector * SECTOR_SIZE, grainMarker.size),
  );
  const where = `the marker of grain ${grain} at sector ${sector}`;
  const expected = BigInt(grain * grainSize) / BigInt(SECTOR_SIZE);
  if (lba !== expected) return `${where} is for disk sector ${lba}, expected ${expected}`;
  if (size > 0 && size <= 2 * grainSize) return grainMarker.size + size;
  return `${where} says that the grain has ${size} bytes`;
}

/** Claims the metadata that lies in the window. */
function* claimMetadata(
  extent: SparseExtent,
  claims: Claims,
  windowStart: number,
  windowSize: number,
): Generator<Problem> {
  for (const [what, start, count] of metadataOf(extent)) {
    const from = Math.max(start, windowStart);
    const end = Math.min(start + count, windowStart + windowSize);
    if (from >= end) continue;
    const taken = claims.claim(from, end - from);
    if (taken === undefined) continue;
    yield error(`the ${what} at sector ${start} overlaps other data at sector ${taken}`);
  }
}

/** The overhead as one, and the metadata behind it. */
function* metadataOf(extent: SparseExtent): Generator<readonly [what: string, ...Range]> {
  const { header, directory, redundantDirectory, tableGrains } = extent;
  const overhead = Number(header.overHead);
  yield ['header', 0, Math.max(overhead, 1)];
  for (const [offset, tables] of [
    [header.gdOffset, directory],
    [header.rgdOffset, redundantDirectory ?? []],
  ] as const) {
    if (tables.length > 0 && Number(offset) >= overhead) {
      yield ['grain directory', Number(offset), tableSectors(directory.length)];
    }
    for (const sector of tables) {
      if (sector >= Math.max(overhead, 1)) {
        yield ['grain table', sector, tableSectors(tableGrains)];
      }
    }
  }
}

function tableSectors(entryCount: number): number {
  return sectorsOf(entryCount * ENTRY_SIZE);
}
