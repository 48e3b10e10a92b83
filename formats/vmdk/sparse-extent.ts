// Reads a sparse extent: the header, or the footer in its place, the directory, and through it the tables of grains.

import { exactNumber, isPowerOfTwo } from '../bounds.ts';
import {
  type ImageInput,
  MAX_COMPRESSED_EXTENT,
  SECTOR_SIZE,
  type ImageExtent,
} from '../contract.ts';
import { FormatError } from '../errors.ts';
import { viewOf } from '../struct.ts';
import {
  DEFLATE,
  ENTRY_SIZE,
  GD_AT_END,
  grainMarker,
  HAS_MARKERS,
  HAS_NEWLINE_TEST,
  HAS_REDUNDANT_DIRECTORY,
  HAS_ZEROED_GRAINS,
  header as headerStruct,
  IS_PACKED,
  MAGIC,
  MAX_TABLE_GRAINS,
  MAX_TABLES,
  NEWLINE_TEST,
  VERSION,
  ZEROED_GRAIN,
} from './layout.ts';
import { readFooter } from './footer.ts';

export type Header = ReturnType<typeof headerStruct.decode>;

/** A sparse extent whose header and directory have been read. */
export interface SparseExtent {
  readonly input: ImageInput;
  /** In front, but for the place of the directory, which may be the footer's. */
  readonly header: Header;
  /** Whether the footer told where the directory is. */
  readonly hasFooter: boolean;
  /** Of the disk, in bytes. */
  readonly size: number;
  /** In bytes. */
  readonly grainSize: number;
  readonly tableGrains: number;
  /** The first sector of each table, 0 for one without grains. */
  readonly directory: Uint32Array;
  /** The same of the second directory, if there is one. */
  readonly redundantDirectory: Uint32Array | undefined;
  readonly isPacked: boolean;
  readonly hasMarkers: boolean;
  readonly hasZeroedGrains: boolean;
}

/** Opens a file that begins with a sparse extent's header. Keeps its directories, at most 64 MiB. */
export async function openSparseExtent(input: ImageInput): Promise<SparseExtent> {
  const front = headerStruct.decode(await input.read(0, headerStruct.size));
  checkHeader(front);
  const hasFooter = front.gdOffset === GD_AT_END;
  const header = hasFooter ? await readFooter(input, front) : front;
  const size = exactNumber(header.capacity * BigInt(SECTOR_SIZE), 'vmdk: the capacity');
  const grainSize = grainSizeOf(header);
  const tableGrains = header.numGTEsPerGT;
  const tableCount = Math.ceil(size / (grainSize * tableGrains));
  if (tableCount > MAX_TABLES) {
    throw new FormatError(
      'unsupported',
      `vmdk: ${tableCount} grain tables, more than ${MAX_TABLES} are not read`,
    );
  }
  const { flags } = header;
  const readDirectory = async (sector: bigint) => {
    const offset = exactNumber(sector * BigInt(SECTOR_SIZE), 'vmdk: the grain directory');
    return directoryOf(await readTable(input, 'directory', offset, tableCount), tableGrains);
  };
  return {
    input,
    header,
    hasFooter,
    size,
    grainSize,
    tableGrains,
    directory: await readDirectory(header.gdOffset),
    redundantDirectory:
      flags & HAS_REDUNDANT_DIRECTORY ? await readDirectory(header.rgdOffset) : undefined,
    isPacked: (flags & IS_PACKED) !== 0,
    hasMarkers: (flags & HAS_MARKERS) !== 0,
    hasZeroedGrains: (flags & HAS_ZEROED_GRAINS) !== 0,
  };
}

function checkHeader(header: Header): void {
  const { magic, version, flags, compressAlgorithm, numGTEsPerGT } = header;
  if (magic !== MAGIC)
    throw new FormatError('damaged', 'vmdk: a sparse extent does not begin with "KDMV"');
  if (version < 1 || version > VERSION) {
    throw new FormatError(
      'unsupported',
      `vmdk: version ${version}, those from 1 to ${VERSION} are known`,
    );
  }
  const isText = Object.entries(NEWLINE_TEST).some(
    ([name, byte]) => header[name as keyof typeof NEWLINE_TEST] !== byte,
  );
  if (flags & HAS_NEWLINE_TEST && isText) {
    throw new FormatError(
      'damaged',
      'vmdk: the newline test failed: the image was transferred as text',
    );
  }
  const algorithm = flags & IS_PACKED ? DEFLATE : 0;
  if (compressAlgorithm !== algorithm) {
    throw new FormatError(
      'damaged',
      `vmdk: compression ${compressAlgorithm}, the header's flags expect ${algorithm}`,
    );
  }
  if (numGTEsPerGT < 1) {
    throw new FormatError('damaged', 'vmdk: grain tables of 0 entries, 512 are usual');
  }
  if (numGTEsPerGT > MAX_TABLE_GRAINS) {
    throw new FormatError(
      'unsupported',
      `vmdk: grain tables of ${numGTEsPerGT} entries, at most ${MAX_TABLE_GRAINS} are read`,
    );
  }
}

function grainSizeOf({ grainSize }: Header): number {
  const size = Number(grainSize) * SECTOR_SIZE;
  if (!isPowerOfTwo(size) || size < SECTOR_SIZE) {
    throw new FormatError(
      'damaged',
      `vmdk: grains of ${grainSize} sectors, a power of two is expected`,
    );
  }
  if (size <= MAX_COMPRESSED_EXTENT) return size;
  throw new FormatError(
    'unsupported',
    `vmdk: grains of ${size} bytes, at most ${MAX_COMPRESSED_EXTENT} are read`,
  );
}

/** Tables that shared bytes would let a small image have no end. */
function directoryOf(directory: Uint32Array, tableGrains: number): Uint32Array {
  const tableSectors = Math.ceil((tableGrains * ENTRY_SIZE) / SECTOR_SIZE);
  const sorted = directory.filter((sector) => sector !== 0).sort();
  for (let i = 1; i < sorted.length; i++) {
    if (sorted[i]! - sorted[i - 1]! >= tableSectors) continue;
    throw new FormatError(
      'damaged',
      `vmdk: the grain tables at sectors ${sorted[i - 1]!} and ${sorted[i]!} overlap`,
    );
  }
  return directory;
}

async function readTable(
  input: ImageInput,
  what: string,
  imageOffset: number,
  count: number,
): Promise<Uint32Array> {
  const length = count * ENTRY_SIZE;
  if (imageOffset + length > input.size) {
    throw new FormatError(
      'damaged',
      `vmdk: the grain ${what} at ${imageOffset} ends at ${imageOffset + length}, the image at ${input.size}`,
    );
  }
  const view = viewOf(await input.read(imageOffset, length));
  return Uint32Array.from({ length: count }, (_, i) => view.getUint32(i * ENTRY_SIZE, true));
}

/** The entries of the table at that sector. */
export async function readGrainTable(extent: SparseExtent, sector: number): Promise<Uint32Array> {
  return readTable(extent.input, 'table', sector * SECTOR_SIZE, extent.tableGrains);
}

/** The map of the extent from a byte of its part of the disk on; see `ImageReader.stretches`. */
export async function* sparseStretches(
  extent: SparseExtent,
  from: number,
): AsyncGenerator<ImageExtent> {
  const { directory, grainSize, tableGrains } = extent;
  const firstGrain = Math.floor(from / grainSize);
  let last: ImageExtent | undefined; // held back, as the next may go on from it
  for (let i = Math.floor(firstGrain / tableGrains); i < directory.length; i++) {
    const sector = directory[i]!;
    if (sector === 0) continue;
    const table = await readGrainTable(extent, sector);
    for (const stretch of tableStretches(extent, table, i * tableGrains, firstGrain)) {
      const joined = last && join(last, stretch);
      if (!joined && last) yield last;
      last = joined ?? stretch;
    }
  }
  if (last) yield last;
}

function* tableStretches(
  extent: SparseExtent,
  table: Uint32Array,
  tableStart: number,
  firstGrain: number,
): Generator<ImageExtent> {
  const nextSector = extent.isPacked ? successors(table) : undefined;
  const grainCount = Math.ceil(extent.size / extent.grainSize);
  const end = Math.min(table.length, grainCount - tableStart);
  for (let i = Math.max(0, firstGrain - tableStart); i < end; i++) {
    const sector = table[i]!;
    if (sector === 0) continue;
    const grain = tableStart + i;
    if (nextSector) yield packedGrain(extent, grain, sector, nextSector.get(sector));
    else yield plainGrain(extent, grain, sector);
  }
}

function plainGrain(extent: SparseExtent, grain: number, sector: number): ImageExtent {
  const { grainSize, size } = extent;
  const diskOffset = grain * grainSize;
  const diskLength = Math.min(grainSize, size - diskOffset);
  if (sector === ZEROED_GRAIN && extent.hasZeroedGrains) {
    return { kind: 'zeros', diskOffset, diskLength };
  }
  const problem = placeProblem(extent, grain, sector, diskLength);
  if (problem !== undefined) throw new FormatError('damaged', `vmdk: ${problem}`);
  return { kind: 'plain', diskOffset, diskLength, imageOffset: sector * SECTOR_SIZE };
}

/** QEMU does not ask for the marker's number of the grain, and neither does this; `checkSparse` does. */
function packedGrain(
  extent: SparseExtent,
  grain: number,
  sector: number,
  nextSector: number | undefined,
): ImageExtent {
  const { grainSize, input, hasMarkers } = extent;
  const diskOffset = grain * grainSize;
  if (sector === ZEROED_GRAIN && extent.hasZeroedGrains) {
    return { kind: 'zeros', diskOffset, diskLength: Math.min(grainSize, extent.size - diskOffset) };
  }
  const skipped = hasMarkers ? grainMarker.size : 0;
  const problem = placeProblem(extent, grain, sector, skipped + 1);
  if (problem !== undefined) throw new FormatError('damaged', `vmdk: ${problem}`);
  const imageOffset = sector * SECTOR_SIZE + skipped;
  const end = Math.min(input.size, (nextSector ?? Infinity) * SECTOR_SIZE);
  const imageLength = Math.min(end - imageOffset, 2 * grainSize);
  return { kind: 'zlib', diskOffset, diskLength: grainSize, imageOffset, imageLength };
}

/** What is wrong with the place of a grain of that many bytes, as a clause; undefined if nothing is. */
export function placeProblem(
  { input, header }: SparseExtent,
  grain: number,
  sector: number,
  length: number,
): string | undefined {
  const end = sector * SECTOR_SIZE + length;
  if (end > input.size) return `grain ${grain} ends at ${end}, the image at ${input.size}`;
  if (BigInt(sector) >= header.overHead) return undefined;
  return `grain ${grain} is at sector ${sector}, in the metadata, which end at ${header.overHead}`;
}

/** For each sector of the table the next one, as a grain ends there at the latest. */
function successors(table: Uint32Array): Map<number, number> {
  const sorted = table.filter((sector) => sector !== 0).sort();
  const next = new Map<number, number>();
  for (let i = sorted.length - 2; i >= 0; i--) {
    const [sector, after] = [sorted[i]!, sorted[i + 1]!];
    const following = sector === after ? next.get(after) : after;
    if (following !== undefined) next.set(sector, following);
  }
  return next;
}

function join(a: ImageExtent, b: ImageExtent): ImageExtent | undefined {
  if (a.kind !== 'plain' || b.kind !== 'plain') return undefined;
  if (a.diskOffset + a.diskLength !== b.diskOffset) return undefined;
  if (a.imageOffset + a.diskLength !== b.imageOffset) return undefined;
  return { ...a, diskLength: a.diskLength + b.diskLength };
}
