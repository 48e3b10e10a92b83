import { type ImageInput, SECTOR_SIZE } from '../contract.ts';
import { viewOf } from '../struct.ts';
import { BAT_ENTRY_SIZE, BAT_UNUSED } from './layout.ts';

/** The block allocation table of a dynamic image, and the shape of its blocks. In bytes. */
export interface BlockTable {
  readonly diskSize: number;
  /** Image offset of the dynamic disk header. */
  readonly headerOffset: number;
  readonly tableOffset: number;
  /** Number of entries in the table; the disk may need fewer. */
  readonly entryCount: number;
  /** Number of blocks that the disk needs. */
  readonly blockCount: number;
  /** Bytes of the disk in a block. */
  readonly blockSize: number;
  /** Bytes of the bitmap before the data of a block. */
  readonly bitmapSize: number;
}

/** Neighbours that overlap among the first sectors of blocks, which ascend. */
export function* overlapsIn(
  sectors: Uint32Array,
  { bitmapSize, blockSize }: BlockTable,
): Generator<readonly [before: number, at: number]> {
  const sectorCount = (bitmapSize + blockSize) / SECTOR_SIZE; // all blocks have one size
  for (let i = 1; i < sectors.length; i++) {
    const [before, at] = [sectors[i - 1]!, sectors[i]!]; // i is within bounds
    if (at - before < sectorCount) yield [before, at];
  }
}

// Entries that are read at a time.
const STEP = 16_384;

/** The entries in use: the index of a block and its image sector. */
type Entries = Generator<readonly [index: number, sector: number]>;

/** Reads the entries from `first` to `end`, in steps: one wait for each would take seconds. */
export async function* tableEntries(
  input: ImageInput,
  { tableOffset }: BlockTable,
  first: number,
  end: number,
): AsyncGenerator<Entries> {
  for (let start = first; start < end; start += STEP) {
    const count = Math.min(STEP, end - start);
    const part = await input.read(tableOffset + start * BAT_ENTRY_SIZE, count * BAT_ENTRY_SIZE);
    yield entriesIn(viewOf(part), start);
  }
}

function* entriesIn(view: DataView, start: number): Entries {
  for (let i = 0; i < view.byteLength / BAT_ENTRY_SIZE; i++) {
    const sector = view.getUint32(i * BAT_ENTRY_SIZE);
    if (sector !== BAT_UNUSED) yield [start + i, sector];
  }
}
