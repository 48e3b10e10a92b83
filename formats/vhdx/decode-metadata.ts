import { exactNumber, isPowerOfTwo } from '../bounds.ts';
import type { ImageInput } from '../contract.ts';
import { guidText } from '../guid.ts';
import { viewOf } from '../struct.ts';
import type { Area } from './decode-regions.ts';
import { damaged, unsupported } from './faults.ts';
import {
  FILE_PARAMETERS,
  fileParameters,
  HAS_PARENT,
  IS_REQUIRED,
  IS_USER,
  LEAVE_BLOCKS_ALLOCATED,
  LOGICAL_SECTOR_SIZE,
  MAX_BLOCK_SIZE,
  MAX_DISK_SIZE,
  MAX_ITEM_LENGTH,
  MAX_TABLE_ENTRIES,
  METADATA_SIGNATURE,
  METADATA_TABLE_SIZE,
  metadataEntry,
  metadataTable,
  MIN_BLOCK_SIZE,
  PARENT_LOCATOR,
  PHYSICAL_SECTOR_SIZE,
  SECTOR_SIZES,
  VIRTUAL_DISK_ID,
  VIRTUAL_DISK_SIZE,
} from './layout.ts';

/** What the metadata say of the disk; sizes in bytes. */
export interface Metadata {
  readonly diskSize: number;
  readonly blockSize: number;
  readonly isFixed: boolean;
  readonly logicalSectorSize: number;
  readonly physicalSectorSize: number;
  /** As people write it; undefined if the image has none. */
  readonly diskId: string | undefined;
  /** The item that names the parent; undefined if the disk has none. */
  readonly parentLocator: Uint8Array | undefined;
}

type Entry = ReturnType<typeof metadataEntry.decode>;

const KNOWN: Readonly<Record<string, { readonly name: string; readonly length?: number }>> = {
  [FILE_PARAMETERS]: { name: 'file parameters', length: fileParameters.size },
  [VIRTUAL_DISK_SIZE]: { name: 'virtual disk size', length: 8 },
  [VIRTUAL_DISK_ID]: { name: 'virtual disk ID', length: 16 },
  [LOGICAL_SECTOR_SIZE]: { name: 'logical sector size', length: 4 },
  [PHYSICAL_SECTOR_SIZE]: { name: 'physical sector size', length: 4 },
  [PARENT_LOCATOR]: { name: 'parent locator' },
};

/**
 * Reads the items of the metadata region. Throws a FormatError for what is missing, or no disk can
 * have.
 */
export async function readMetadata(input: ImageInput, region: Area): Promise<Metadata> {
  const items = await itemsOf(input, region);
  const item = (id: string): DataView => {
    const bytes = items.get(id);
    if (bytes) return viewOf(bytes);
    throw damaged(`there is no metadata item "${KNOWN[id]?.name ?? id}"`);
  };
  const { blockSize, flags } = fileParameters.decode(bytesOf(item(FILE_PARAMETERS)));
  const hasParent = (flags & HAS_PARENT) !== 0;
  const diskId = items.get(VIRTUAL_DISK_ID);
  const found = {
    diskSize: exactNumber(
      item(VIRTUAL_DISK_SIZE).getBigUint64(0, true),
      'vhdx: the size of the disk',
    ),
    blockSize,
    isFixed: !hasParent && (flags & LEAVE_BLOCKS_ALLOCATED) !== 0,
    logicalSectorSize: item(LOGICAL_SECTOR_SIZE).getUint32(0, true),
    physicalSectorSize: item(PHYSICAL_SECTOR_SIZE).getUint32(0, true),
    diskId: diskId && guidText(diskId),
    parentLocator: hasParent ? bytesOf(item(PARENT_LOCATOR)) : undefined,
  };
  checkSizes(found);
  return found;
}

function checkSizes({ diskSize, blockSize, logicalSectorSize, physicalSectorSize }: Metadata) {
  for (const size of [logicalSectorSize, physicalSectorSize]) {
    if (SECTOR_SIZES.includes(size)) continue;
    throw damaged(`sectors of ${size} bytes, ${SECTOR_SIZES.join(' or ')} are expected`);
  }
  if (!isPowerOfTwo(blockSize) || blockSize < MIN_BLOCK_SIZE || blockSize > MAX_BLOCK_SIZE) {
    throw damaged(`blocks of ${blockSize} bytes, a power of two from 1 to 256 MiB is expected`);
  }
  if (diskSize === 0 || diskSize % logicalSectorSize !== 0 || diskSize > MAX_DISK_SIZE) {
    throw damaged(
      `a disk of ${diskSize} bytes, whole sectors of ${logicalSectorSize} up to 64 TiB are expected`,
    );
  }
}

/** The bytes of each item that is known and that the image has, by its GUID. */
async function itemsOf(input: ImageInput, region: Area): Promise<Map<string, Uint8Array>> {
  const items = new Map<string, Uint8Array>();
  for (const { itemId, offset, length, flags } of await entriesOf(input, region)) {
    const id = guidText(itemId);
    const known = (flags & IS_USER) === 0 ? KNOWN[id] : undefined;
    if (!known) {
      if ((flags & IS_REQUIRED) === 0) continue;
      throw unsupported(`the metadata item ${id} is required and not known`);
    }
    if (items.has(id)) throw damaged(`the metadata item "${known.name}" is there twice`);
    if (length !== (known.length ?? length) || length > MAX_ITEM_LENGTH) {
      throw damaged(`the metadata item "${known.name}" has ${length} bytes`);
    }
    if (offset < METADATA_TABLE_SIZE || offset + length > region.length) {
      throw damaged(
        `the metadata item "${known.name}" has ${length} bytes at ${offset}, its region ${region.length}`,
      );
    }
    items.set(id, await input.read(region.offset + offset, length));
  }
  return items;
}

async function entriesOf(input: ImageInput, region: Area): Promise<Entry[]> {
  const bytes = await input.read(region.offset, METADATA_TABLE_SIZE);
  const { signature, entryCount } = metadataTable.decode(bytes);
  if (signature !== METADATA_SIGNATURE) {
    throw damaged(`the metadata region does not begin with "${METADATA_SIGNATURE}"`);
  }
  if (entryCount > MAX_TABLE_ENTRIES) {
    throw damaged(`a metadata table of ${entryCount} entries, ${MAX_TABLE_ENTRIES} are the most`);
  }
  return Array.from({ length: entryCount }, (_, i) =>
    metadataEntry.decode(bytes.subarray(metadataTable.size + i * metadataEntry.size)),
  );
}

function bytesOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
