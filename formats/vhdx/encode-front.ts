// The front of an image:
//   0        file identifier
//   64 KiB   header, and a newer one at 128 KiB
//   192 KiB  region table, and a copy at 256 KiB
//   1 MiB    log: a hole, as the headers say that it has no entries
//   2 MiB    metadata region: its table, the items at 64 KiB

import { guidBytes, swapGuid } from '../guid.ts';
import { viewOf } from '../struct.ts';
import { tableSpace } from './encode-block-table.ts';
import {
  BAT_REGION,
  FILE_PARAMETERS,
  FILE_SIGNATURE,
  fileIdentifier,
  fileParameters,
  header,
  HEADER_OFFSETS,
  HEADER_SIGNATURE,
  IS_REQUIRED,
  IS_VIRTUAL_DISK,
  LEAVE_BLOCKS_ALLOCATED,
  LOG,
  LOGICAL_SECTOR_BYTES,
  LOGICAL_SECTOR_SIZE,
  METADATA,
  METADATA_REGION,
  METADATA_SIGNATURE,
  METADATA_TABLE_SIZE,
  metadataEntry,
  metadataTable,
  PHYSICAL_SECTOR_BYTES,
  PHYSICAL_SECTOR_SIZE,
  REGION_SIGNATURE,
  REGION_TABLE_OFFSETS,
  REGION_TABLE_SIZE,
  regionEntry,
  regionTable,
  seal,
  VHDX_BLOCK_SIZE,
  VIRTUAL_DISK_ID,
  VIRTUAL_DISK_SIZE,
} from './layout.ts';
import { uuidOfImage } from '../uuid.ts';

/** Bytes and their image offset. */
type Piece = readonly [imageOffset: number, bytes: Uint8Array];

/** What the front of an image says. */
export interface FrontFacts {
  /** 16 bytes, RFC 9562: of the disk, and of this state of the disk and of the file. */
  readonly uuid: Uint8Array;
  /** In bytes. */
  readonly diskSize: number;
  readonly isFixed: boolean;
  /** Image offset of the block allocation table, a multiple of ALIGNMENT. */
  readonly tableOffset: number;
}

/** The pieces of the front by their image offsets, ascending; zeros lie between them. */
export function encodeFront(facts: FrontFacts): readonly Piece[] {
  const guid = swapGuid(uuidOfImage(facts.uuid, facts.isFixed ? 3 : 4));
  const regions = encodeRegionTable(facts);
  return [
    [0, encodeIdentifier()],
    // With equal sequence numbers neither header would count.
    ...HEADER_OFFSETS.map((offset, i): Piece => [offset, encodeHeader(guid, BigInt(i + 1))]),
    ...REGION_TABLE_OFFSETS.map((offset): Piece => [offset, regions]),
    [METADATA.offset, encodeMetadata(facts, guid)],
  ];
}

function encodeIdentifier(): Uint8Array {
  const creator = new Uint8Array(512);
  const view = viewOf(creator);
  Array.from('kexport', (letter, i) => view.setUint16(2 * i, letter.charCodeAt(0), true));
  return fileIdentifier.encode({ signature: FILE_SIGNATURE, creator });
}

function encodeHeader(guid: Uint8Array, sequenceNumber: bigint): Uint8Array {
  const encoded = header.encode({
    signature: HEADER_SIGNATURE,
    checksum: 0,
    sequenceNumber,
    fileWriteGuid: guid,
    dataWriteGuid: guid,
    logGuid: new Uint8Array(16), // VirtualBox refuses an image with another
    logVersion: 0,
    version: 1,
    logLength: LOG.length,
    logOffset: BigInt(LOG.offset),
    reserved: new Uint8Array(4016),
  });
  return seal(encoded);
}

function encodeRegionTable({ diskSize, tableOffset }: FrontFacts): Uint8Array {
  const table = new Uint8Array(REGION_TABLE_SIZE);
  const regions = [
    { guid: BAT_REGION, offset: tableOffset, length: tableSpace(diskSize) },
    { guid: METADATA_REGION, ...METADATA },
  ];
  const counts = { entryCount: regions.length, reserved: 0 };
  table.set(regionTable.encode({ signature: REGION_SIGNATURE, checksum: 0, ...counts }));
  regions.forEach(({ guid, offset, length }, i) => {
    const entry = regionEntry.encode({
      guid: guidBytes(guid),
      imageOffset: BigInt(offset),
      length,
      required: 1, // VirtualBox refuses an image of QEMU's for want of it
    });
    table.set(entry, regionTable.size + i * regionEntry.size);
  });
  return seal(table);
}

function encodeMetadata(facts: FrontFacts, guid: Uint8Array): Uint8Array {
  const items = metadataItems(facts, guid);
  const region = new Uint8Array(
    METADATA_TABLE_SIZE + items.reduce((sum, { bytes }) => sum + bytes.length, 0),
  );
  const head = { reserved: 0, entryCount: items.length, reservedEnd: new Uint8Array(20) };
  region.set(metadataTable.encode({ signature: METADATA_SIGNATURE, ...head }));
  let offset = METADATA_TABLE_SIZE;
  items.forEach(({ id, flags, bytes }, i) => {
    const entry = { itemId: guidBytes(id), offset, length: bytes.length, flags, reserved: 0 };
    region.set(metadataEntry.encode(entry), metadataTable.size + i * metadataEntry.size);
    region.set(bytes, offset);
    offset += bytes.length;
  });
  return region;
}

/** All five that a disk without a parent must have; VirtualBox compares the flags too. */
function metadataItems({ diskSize, isFixed }: FrontFacts, guid: Uint8Array) {
  const parameters = fileParameters.encode({
    blockSize: VHDX_BLOCK_SIZE,
    flags: isFixed ? LEAVE_BLOCKS_ALLOCATED : 0,
  });
  const size = new Uint8Array(8);
  viewOf(size).setBigUint64(0, BigInt(diskSize), true);
  const ofDisk = IS_REQUIRED | IS_VIRTUAL_DISK;
  return [
    { id: FILE_PARAMETERS, flags: IS_REQUIRED, bytes: parameters },
    { id: VIRTUAL_DISK_SIZE, flags: ofDisk, bytes: size },
    { id: VIRTUAL_DISK_ID, flags: ofDisk, bytes: guid },
    { id: LOGICAL_SECTOR_SIZE, flags: ofDisk, bytes: sectorSize(LOGICAL_SECTOR_BYTES) },
    { id: PHYSICAL_SECTOR_SIZE, flags: ofDisk, bytes: sectorSize(PHYSICAL_SECTOR_BYTES) },
  ];
}

function sectorSize(size: number): Uint8Array {
  const bytes = new Uint8Array(4);
  viewOf(bytes).setUint32(0, size, true);
  return bytes;
}
