// The grains of a sparse extent as image extents.

import { type ImageExtent, SECTOR_SIZE, type ZeroExtent } from '../contract.ts';
import { joinExtents } from '../join-extents.ts';
import { damaged } from './faults.ts';
import { grainMarker, ZEROED_GRAIN } from './layout.ts';
import { isTableHole, placeProblem, readGrainTable, type SparseExtent } from './sparse-extent.ts';

/**
 * The image extents from the byte `from` of the extent on; see `ImageReader.extents`. Throws a
 * FormatError for a grain that cannot be right.
 */
export async function* grainExtents(
  extent: SparseExtent,
  from: number,
): AsyncGenerator<ImageExtent> {
  const { directory, grainSize, tableGrains } = extent;
  const firstGrain = Math.floor(from / grainSize);
  for (let i = Math.floor(firstGrain / tableGrains); i < directory.length; i++) {
    const sector = directory[i]!; // i is within bounds
    if (sector === 0) continue;
    const isHole = isTableHole(extent, sector);
    if (isHole === true || (await isHole)) continue; // without a wait for each of millions
    const table = await readGrainTable(extent, sector);
    yield* joinExtents(tableExtents(extent, table, i * tableGrains, firstGrain));
  }
}

function* tableExtents(
  extent: SparseExtent,
  table: Uint32Array,
  tableStart: number,
  firstGrain: number,
): Generator<ImageExtent> {
  const nextSector = extent.isCompressed ? successors(table) : undefined;
  const grainCount = Math.ceil(extent.size / extent.grainSize);
  const end = Math.min(table.length, grainCount - tableStart);
  for (let i = Math.max(0, firstGrain - tableStart); i < end; i++) {
    const sector = table[i]!; // i is within bounds
    const grain = tableStart + i;
    if (sector === 0) continue;
    if (sector === ZEROED_GRAIN && extent.hasZeroedGrains) yield zeroedGrain(extent, grain);
    else if (nextSector) yield compressedGrain(extent, grain, sector, nextSector.get(sector));
    else yield plainGrain(extent, grain, sector);
  }
}

function zeroedGrain({ grainSize, size }: SparseExtent, grain: number): ZeroExtent {
  const diskOffset = grain * grainSize;
  return { kind: 'zeros', diskOffset, diskLength: Math.min(grainSize, size - diskOffset) };
}

function plainGrain(extent: SparseExtent, grain: number, sector: number): ImageExtent {
  const { grainSize, size } = extent;
  const diskOffset = grain * grainSize;
  const diskLength = Math.min(grainSize, size - diskOffset);
  const problem = placeProblem(extent, grain, sector, diskLength);
  if (problem !== undefined) throw damaged(problem);
  return { kind: 'plain', diskOffset, diskLength, imageOffset: sector * SECTOR_SIZE };
}

/** Like QEMU, this does not read the grain number in the marker; `checkSparse` does. */
function compressedGrain(
  extent: SparseExtent,
  grain: number,
  sector: number,
  nextSector: number | undefined,
): ImageExtent {
  const { grainSize, input, hasMarkers } = extent;
  const markerSize = hasMarkers ? grainMarker.size : 0;
  const problem = placeProblem(extent, grain, sector, markerSize + 1);
  if (problem !== undefined) throw damaged(problem);
  const imageOffset = sector * SECTOR_SIZE + markerSize;
  const end = Math.min(input.size, (nextSector ?? Infinity) * SECTOR_SIZE);
  const imageLength = Math.min(end - imageOffset, 2 * grainSize);
  const diskOffset = grain * grainSize;
  return { kind: 'zlib', diskOffset, diskLength: grainSize, imageOffset, imageLength };
}

/** For each sector of the table the next higher one: a grain ends there at the latest. */
function successors(table: Uint32Array): Map<number, number> {
  const sorted = table.filter((sector) => sector !== 0).sort();
  const next = new Map<number, number>();
  for (let i = sorted.length - 2; i >= 0; i--) {
    const [sector, after] = [sorted[i]!, sorted[i + 1]!]; // i is within bounds
    const following = sector === after ? next.get(after) : after;
    if (following !== undefined) next.set(sector, following);
  }
  return next;
}
