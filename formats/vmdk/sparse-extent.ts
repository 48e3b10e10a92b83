// A sparse extent: the header, the grain directory, and by it the grain tables.

import { exactNumber } from '../bounds.ts';
import { type ImageInput, SECTOR_SIZE } from '../contract.ts';
import { sectorsOf } from '../rounding.ts';
import { viewOf } from '../struct.ts';
import { readHeader, type SparseHeader } from './decode-header.ts';
import { damaged, unsupported } from './faults.ts';
import {
  ENTRY_SIZE,
  HAS_MARKERS,
  HAS_REDUNDANT_DIRECTORY,
  HAS_ZEROED_GRAINS,
  IS_COMPRESSED,
  MAX_TABLES,
} from './layout.ts';

/** A sparse extent whose header and directories have been read. */
export interface SparseExtent extends SparseHeader {
  readonly input: ImageInput;
  /** The first sector of each table; 0: all its grains are zeros. */
  readonly directory: Uint32Array;
  /** The same of the redundant directory, if there is one. */
  readonly redundantDirectory: Uint32Array | undefined;
  readonly isCompressed: boolean;
  readonly hasMarkers: boolean;
  readonly hasZeroedGrains: boolean;
}

/** Counts the grain tables of a file, before its directories are read. */
export type CountTables = (count: number) => void;

/** Throws a FormatError if all files that are read together, `what`, have too many tables. */
export function tableCounter(what: string): CountTables {
  let total = 0;
  return (count) => {
    if (total + count > MAX_TABLES) {
      throw unsupported(`more than ${MAX_TABLES} grain tables in ${what}`);
    }
    total += count;
  };
}

/**
 * Opens a file that begins with the header of a sparse extent. Keeps its directories in memory, at
 * most 64 MiB. Rejects with a FormatError if they cannot be right.
 */
export async function openSparseExtent(
  input: ImageInput,
  countTables: CountTables,
): Promise<SparseExtent> {
  const sparse = await readHeader(input);
  countTables(sparse.tableCount);
  const { flags, gdOffset, rgdOffset } = sparse.header;
  const hasRedundant = (flags & HAS_REDUNDANT_DIRECTORY) !== 0;
  return {
    ...sparse,
    input,
    directory: await readDirectory(input, gdOffset, sparse),
    redundantDirectory: hasRedundant ? await readDirectory(input, rgdOffset, sparse) : undefined,
    isCompressed: (flags & IS_COMPRESSED) !== 0,
    hasMarkers: (flags & HAS_MARKERS) !== 0,
    hasZeroedGrains: (flags & HAS_ZEROED_GRAINS) !== 0,
  };
}

/** With tables that share bytes, a small image could map a disk of any size. */
async function readDirectory(
  input: ImageInput,
  sector: bigint,
  { tableCount, tableGrains }: SparseHeader,
): Promise<Uint32Array> {
  const what = 'vmdk: the offset of the grain directory';
  const offset = exactNumber(sector * BigInt(SECTOR_SIZE), what);
  const directory = await readTable(input, 'directory', offset, tableCount);
  const tableSectors = sectorsOf(tableGrains * ENTRY_SIZE);
  const sorted = directory.slice().sort();
  for (let i = 1; i < sorted.length; i++) {
    const before = sorted[i - 1]!; // i is within bounds
    const at = sorted[i]!;
    if (before === 0 || at - before >= tableSectors) continue;
    throw damaged(`the grain tables at sectors ${before} and ${at} overlap`);
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
  checkPlace(input, what, imageOffset, length);
  const view = viewOf(await input.read(imageOffset, length));
  const entries = new Uint32Array(count); // `from` takes a second for the longest directory
  for (let i = 0; i < count; i++) entries[i] = view.getUint32(i * ENTRY_SIZE, true);
  return entries;
}

function checkPlace(input: ImageInput, what: string, imageOffset: number, length: number): void {
  const end = imageOffset + length;
  if (end <= input.size) return;
  const where = `the grain ${what} at ${imageOffset}`;
  throw damaged(`${where} ends at ${end}, the image at ${input.size}`);
}

/** The entries of the table at a sector. Rejects with a FormatError if it is not in the image. */
export async function readGrainTable(extent: SparseExtent, sector: number): Promise<Uint32Array> {
  return readTable(extent.input, 'table', sector * SECTOR_SIZE, extent.tableGrains);
}

/**
 * Whether the table at a sector is known to be all zeros. Throws a FormatError if it is not in the
 * image, past whose end a file may have a hole.
 */
export function isTableHole(
  { input, tableGrains }: SparseExtent,
  sector: number,
): boolean | Promise<boolean> {
  const imageOffset = sector * SECTOR_SIZE;
  const length = tableGrains * ENTRY_SIZE;
  checkPlace(input, 'table', imageOffset, length);
  return input.isHole?.(imageOffset, length) ?? false;
}

/** Why a grain of `length` bytes cannot be at a sector, as a clause; undefined if it can. */
export function placeProblem(
  { input, header }: SparseExtent,
  grain: number,
  sector: number,
  length: number,
): string | undefined {
  const end = sector * SECTOR_SIZE + length;
  if (end > input.size) return `grain ${grain} ends at ${end}, the image at ${input.size}`;
  if (BigInt(sector) >= header.overHead) return undefined;
  return `grain ${grain} at sector ${sector} is in the metadata, which ends at ${header.overHead}`;
}
