// Reads a dynamic VHD: its table of blocks, of each block the bitmap of its sectors.

import { exactNumber, isPowerOfTwo } from '../bounds.ts';
import {
  type BackingFacts,
  type ImageFacts,
  type ImageInput,
  type ImageReader,
  type PlainExtent,
  SECTOR_SIZE,
} from '../contract.ts';
import { FormatError } from '../errors.ts';
import { viewOf } from '../struct.ts';
import { uuidText } from '../uuid.ts';
import { checkDynamic } from './dynamic-check.ts';
import { type Footers, hex32 } from './footers.ts';
import {
  BAT_ENTRY_SIZE,
  BAT_UNUSED,
  checksum,
  DIFFERENCING,
  DYNAMIC_COOKIE,
  dynamicHeader,
  MAX_TABLE_ENTRIES,
} from './layout.ts';

type Header = ReturnType<typeof dynamicHeader.decode>;

interface DynamicRequest {
  readonly input: ImageInput;
  readonly footers: Footers;
  /** In bytes. */
  readonly diskSize: number;
  /** Of the footer. */
  readonly facts: ImageFacts;
}

/** Where things are in a dynamic image; all in bytes unless the name says otherwise. */
export interface DynamicLayout {
  readonly diskSize: number;
  /** Of the dynamic disk header. */
  readonly headerOffset: number;
  readonly tableOffset: number;
  /** Entries of the table in the image, and how many of them the disk has blocks for. */
  readonly entryCount: number;
  readonly blockCount: number;
  /** Of the disk in a block, and of the bitmap before them. */
  readonly blockSize: number;
  readonly bitmapSize: number;
}

// Entries of the table that are read at a time.
const TABLE_PIECE = 16_384;

/** Opens what the footer says is dynamic, or differencing: the sectors whose bit is not set are then the parent's. */
export async function dynamicReader(request: DynamicRequest): Promise<ImageReader> {
  const { input, footers, diskSize, facts } = request;
  const { footer } = footers.used;
  const headerOffset = exactNumber(footer.dataOffset, 'vhd: the offset of the dynamic disk header');
  const header = dynamicHeader.decode(await input.read(headerOffset, dynamicHeader.size));
  checkHeader(header);
  const layout = layoutOf(header, headerOffset, diskSize, input);
  const details = { ...facts.details, 'block size': layout.blockSize };
  const isWhole = footer.diskType !== DIFFERENCING;
  return {
    facts: {
      ...facts,
      details,
      ...(!isWhole && { subformat: 'differencing', backing: parentOf(header) }),
    },
    extents: (from = 0) => stretchesOf(input, layout, from),
    check: () => checkDynamic(input, layout, footers),
  };
}

function checkHeader(header: Header): void {
  if (header.cookie !== DYNAMIC_COOKIE) {
    throw new FormatError(
      'damaged',
      `vhd: the dynamic disk header does not begin with "${DYNAMIC_COOKIE}"`,
    );
  }
  const sum = checksum(dynamicHeader.encode({ ...header, checksum: 0 }));
  if (sum === header.checksum) return;
  throw new FormatError(
    'damaged',
    `vhd: the dynamic disk header has the checksum ${hex32(header.checksum)}, its bytes give ${hex32(sum)}`,
  );
}

function layoutOf(
  header: Header,
  headerOffset: number,
  diskSize: number,
  input: ImageInput,
): DynamicLayout {
  const { blockSize, maxTableEntries: entryCount } = header;
  if (!isPowerOfTwo(blockSize) || blockSize < SECTOR_SIZE) {
    throw new FormatError(
      'damaged',
      `vhd: blocks of ${blockSize} bytes, a power of two from 512 on is expected`,
    );
  }
  const blockCount = Math.ceil(diskSize / blockSize);
  if (entryCount < blockCount) {
    throw new FormatError(
      'damaged',
      `vhd: a table of ${entryCount} blocks, the disk has ${blockCount}`,
    );
  }
  if (entryCount > MAX_TABLE_ENTRIES) {
    throw new FormatError(
      'unsupported',
      `vhd: a table of ${entryCount} blocks, at most ${MAX_TABLE_ENTRIES} are read`,
    );
  }
  const tableOffset = exactNumber(
    header.tableOffset,
    'vhd: the offset of the block allocation table',
  );
  const tableEnd = tableOffset + entryCount * BAT_ENTRY_SIZE;
  if (tableEnd > input.size) {
    throw new FormatError(
      'damaged',
      `vhd: the table of blocks ends at ${tableEnd}, the image at ${input.size}`,
    );
  }
  const bitmapSize = Math.ceil(blockSize / SECTOR_SIZE / 8 / SECTOR_SIZE) * SECTOR_SIZE;
  return { diskSize, headerOffset, tableOffset, entryCount, blockCount, blockSize, bitmapSize };
}

/** "Parent Unicode Name": UTF-16, big-endian. */
function parentOf({ parentUnicodeName, parentUniqueId }: Header): BackingFacts {
  const view = viewOf(parentUnicodeName);
  const units = Array.from({ length: parentUnicodeName.length / 2 }, (_, i) =>
    view.getUint16(2 * i),
  );
  const end = units.indexOf(0);
  const file = String.fromCharCode(...units.slice(0, end === -1 ? undefined : end));
  return { file, format: 'vpc', id: uuidText(parentUniqueId) };
}

/** The entries of the table from one on, each with the number of its block. Reads the table in pieces. */
export async function* tableEntries(
  input: ImageInput,
  { tableOffset }: DynamicLayout,
  first: number,
  end: number,
): AsyncGenerator<readonly [index: number, sector: number]> {
  for (let start = first; start < end; start += TABLE_PIECE) {
    const count = Math.min(TABLE_PIECE, end - start);
    const piece = await input.read(tableOffset + start * BAT_ENTRY_SIZE, count * BAT_ENTRY_SIZE);
    const view = viewOf(piece);
    for (let i = 0; i < count; i++) {
      const sector = view.getUint32(i * BAT_ENTRY_SIZE);
      if (sector !== BAT_UNUSED) yield [start + i, sector];
    }
  }
}

async function* stretchesOf(
  input: ImageInput,
  layout: DynamicLayout,
  from: number,
): AsyncGenerator<PlainExtent> {
  const { blockSize, blockCount, bitmapSize, diskSize } = layout;
  const first = Math.floor(from / blockSize);
  for await (const [index, sector] of tableEntries(input, layout, first, blockCount)) {
    const imageOffset = sector * SECTOR_SIZE;
    const diskOffset = index * blockSize;
    const diskLength = Math.min(blockSize, diskSize - diskOffset);
    const end = imageOffset + bitmapSize + diskLength;
    if (end > input.size) {
      throw new FormatError(
        'damaged',
        `vhd: block ${index} ends at ${end}, the image at ${input.size}`,
      );
    }
    const bitmap = await input.read(imageOffset, bitmapSize);
    for (const [start, count] of runs(bitmap, diskLength / SECTOR_SIZE)) {
      const runOffset = diskOffset + start * SECTOR_SIZE;
      const runLength = count * SECTOR_SIZE;
      if (runOffset + runLength <= from) continue;
      yield {
        kind: 'plain',
        diskOffset: runOffset,
        diskLength: runLength,
        imageOffset: imageOffset + bitmapSize + start * SECTOR_SIZE,
      };
    }
  }
}

/**
 * The sectors whose bits are set, the top bit of a byte first. "Block Allocation Table and Data Blocks" has the others as
 * never written, so they are zeros whatever lies there. VirtualBox and 7-Zip go by that, QEMU does not.
 */
function* runs(bitmap: Uint8Array, count: number): Generator<[start: number, count: number]> {
  let start = -1;
  for (let i = 0; i < count; i++) {
    const byte = bitmap[i >> 3]!;
    if (i % 8 === 0 && i + 8 <= count && byte === (start === -1 ? 0x00 : 0xff)) {
      i += 7; // eight that go on as the ones before
      continue;
    }
    const isSet = (byte & (0x80 >> (i % 8))) !== 0;
    if (isSet && start === -1) start = i;
    if (!isSet && start !== -1) {
      yield [start, i - start];
      start = -1;
    }
  }
  if (start !== -1) yield [start, count - start];
}
