import { exactNumber } from '../bounds.ts';
import type { ImageInput } from '../contract.ts';
import { guidText } from '../guid.ts';
import { damageOf } from './decode-headers.ts';
import { damaged, unsupported } from './faults.ts';
import {
  ALIGNMENT,
  BAT_REGION,
  MAX_TABLE_ENTRIES,
  METADATA_REGION,
  REGION_SIGNATURE,
  REGION_TABLE_OFFSETS,
  REGION_TABLE_SIZE,
  regionEntry,
  regionTable,
} from './layout.ts';

/** A part of the image that is set aside for something, in bytes. */
export interface Area {
  /** For people. */
  readonly what: string;
  readonly offset: number;
  readonly length: number;
}

/** What the region table says. */
export interface Regions {
  readonly table: Area;
  readonly metadata: Area;
  /** Those two, and any that is not known. */
  readonly all: readonly Area[];
  /** What is wrong with a copy of the region table that is not gone by; undefined if nothing is. */
  readonly problem: string | undefined;
}

type Entry = ReturnType<typeof regionEntry.decode>;

/**
 * Reads the region table, or its copy if it is damaged. Throws a FormatError if there is none, or a
 * region cannot be.
 */
export async function readRegions(input: ImageInput): Promise<Regions> {
  const copies = [];
  for (const offset of REGION_TABLE_OFFSETS)
    copies.push(await input.read(offset, REGION_TABLE_SIZE));
  const [first, second] = copies.map((bytes) => damageOf(bytes, REGION_SIGNATURE));
  if (first !== undefined && second !== undefined) {
    throw damaged(`no region table: the first ${first}, its copy ${second}`);
  }
  const [one, copy] = copies as [Uint8Array, Uint8Array];
  const entries = decodeEntries(first === undefined ? one : copy);
  const areas = new Map(entries.map((entry) => [guidText(entry.guid), areaOf(entry, input)]));
  if (areas.size < entries.length) throw damaged('a region is in its table twice');
  const table = areas.get(BAT_REGION);
  const metadata = areas.get(METADATA_REGION);
  if (!table) throw damaged('the region table has no block allocation table');
  if (!metadata) throw damaged('the region table has no metadata region');
  return {
    table,
    metadata,
    all: [...areas.values()],
    problem: problemOf(first, second, one, copy),
  };
}

const NAMES: Readonly<Record<string, string>> = {
  [BAT_REGION]: 'block allocation table',
  [METADATA_REGION]: 'metadata region',
};

function decodeEntries(bytes: Uint8Array): Entry[] {
  const { entryCount } = regionTable.decode(bytes);
  if (entryCount > MAX_TABLE_ENTRIES) {
    throw damaged(`a region table of ${entryCount} entries, ${MAX_TABLE_ENTRIES} are the most`);
  }
  return Array.from({ length: entryCount }, (_, i) =>
    regionEntry.decode(bytes.subarray(regionTable.size + i * regionEntry.size)),
  );
}

function areaOf({ guid, imageOffset, length, required }: Entry, input: ImageInput): Area {
  const id = guidText(guid);
  const name = NAMES[id];
  if (name === undefined && required !== 0) {
    throw unsupported(`the region ${id} is required and not known`);
  }
  const what = name === undefined ? `the region ${id}` : `the ${name}`;
  const offset = exactNumber(imageOffset, `vhdx: the offset of ${what}`);
  if (offset < ALIGNMENT || offset % ALIGNMENT !== 0 || length === 0 || length % ALIGNMENT !== 0) {
    throw damaged(
      `${what} has ${length} bytes at ${offset}, which are not whole MiB after the first`,
    );
  }
  if (offset + length > input.size) {
    throw damaged(`${what} ends at ${offset + length}, the image at ${input.size}`);
  }
  return { what, offset, length };
}

function problemOf(
  first: string | undefined,
  second: string | undefined,
  one: Uint8Array,
  copy: Uint8Array,
): string | undefined {
  if (first !== undefined) return `the region table ${first}`;
  if (second !== undefined) return `the copy of the region table ${second}`;
  return one.every((byte, i) => byte === copy[i])
    ? undefined
    : 'the region table differs from its copy';
}
