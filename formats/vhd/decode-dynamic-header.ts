import { exactNumber, isPowerOfTwo } from '../bounds.ts';
import { type BackingFacts, type ImageInput, SECTOR_SIZE } from '../contract.ts';
import { wholeSectors } from '../rounding.ts';
import { viewOf } from '../struct.ts';
import { uuidText } from '../uuid.ts';
import { checksumProblem } from '../problems.ts';
import type { BlockTable } from './block-table.ts';
import { damaged, unsupported } from './faults.ts';
import {
  BAT_ENTRY_SIZE,
  checksum,
  DYNAMIC_COOKIE,
  dynamicHeader,
  MAX_TABLE_ENTRIES,
} from './layout.ts';

type Header = ReturnType<typeof dynamicHeader.decode>;

/** The facts in the dynamic disk header. */
export interface DynamicHeader {
  readonly table: BlockTable;
  /** The parent of a differencing image. */
  readonly parent: BackingFacts;
}

/** Reads the dynamic disk header. Rejects with a FormatError if it cannot be right. */
export async function readDynamicHeader(
  input: ImageInput,
  headerOffset: number,
  diskSize: number,
): Promise<DynamicHeader> {
  const header = dynamicHeader.decode(await input.read(headerOffset, dynamicHeader.size));
  if (header.cookie !== DYNAMIC_COOKIE) {
    throw damaged(`the dynamic disk header does not begin with "${DYNAMIC_COOKIE}"`);
  }
  const sum = checksum(dynamicHeader.encode({ ...header, checksum: 0 }));
  if (sum !== header.checksum) {
    throw damaged(`the dynamic disk header ${checksumProblem(header.checksum, sum)}`);
  }
  const table = tableOf(header, headerOffset, diskSize, input);
  return { table, parent: parentOf(header) };
}

function tableOf(
  header: Header,
  headerOffset: number,
  diskSize: number,
  input: ImageInput,
): BlockTable {
  const { blockSize, maxTableEntries: entryCount } = header;
  if (!isPowerOfTwo(blockSize) || blockSize < SECTOR_SIZE) {
    throw damaged(`blocks of ${blockSize} bytes, expected a power of two from 512 on`);
  }
  const blockCount = Math.ceil(diskSize / blockSize);
  if (entryCount < blockCount) {
    throw damaged(`the block allocation table has ${entryCount} entries, expected ${blockCount}`);
  }
  if (entryCount > MAX_TABLE_ENTRIES) {
    const found = `the block allocation table has ${entryCount} entries`;
    throw unsupported(`${found}, at most ${MAX_TABLE_ENTRIES} can be read`);
  }
  const what = 'vhd: the offset of the block allocation table';
  const tableOffset = exactNumber(header.tableOffset, what);
  const tableEnd = tableOffset + entryCount * BAT_ENTRY_SIZE;
  if (tableEnd > input.size) {
    throw damaged(`the block allocation table ends at ${tableEnd}, the image at ${input.size}`);
  }
  const bitmapSize = wholeSectors(Math.ceil(blockSize / SECTOR_SIZE / 8));
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
