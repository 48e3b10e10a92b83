// Writes a streamOptimized VMDK, front to back:
//   header, descriptor   sector 0 and from sector 1 on; zeros up to sector 128
//   grains               each its marker and its zlib stream, padded to a sector
//   grain table          after the last of each 512 grains of the disk (32 MiB), behind a marker
//   grain directory, footer (the header again, telling where the directory is), each behind a marker
//   end of stream        a sector of zeros where a marker would be: readers stop there
// Grains that are never added have the entry 0, and so has a table without grains, which is not written.

import {
  BLOCK_SIZE,
  type Block,
  type Disk,
  type Encoding,
  type FormatWriter,
  type ImageOutput,
  SECTOR_SIZE,
} from '../contract.ts';
import { FormatError } from '../errors.ts';
import { viewOf } from '../struct.ts';
import { type AdapterType, encodeDescriptor } from './descriptor.ts';
import {
  DEFLATE,
  DESCRIPTOR_SECTOR,
  DESCRIPTOR_SECTORS,
  ENTRY_SIZE,
  FLAGS,
  FOOTER,
  GD_AT_END,
  GRAIN_DIRECTORY,
  GRAIN_SECTORS,
  GRAIN_TABLE,
  grainMarker,
  header,
  MAGIC,
  marker,
  MAX_DISK_SIZE,
  MAX_PACKED_GRAIN,
  MAX_SECTOR,
  NEWLINE_TEST,
  OVERHEAD_SECTORS,
  TABLE_GRAINS,
  TABLE_SIZE,
  VERSION,
} from './layout.ts';

const ZERO_SECTOR = new Uint8Array(SECTOR_SIZE);

/** What a VMDK is written of. */
export interface VmdkRequest {
  readonly disk: Disk;
  readonly encoding: Encoding;
  readonly output: ImageOutput;
  readonly adapterType: AdapterType;
}

/** `output` must be empty. It is patched only if the size of the disk is not known yet. */
export function vmdkWriter({ disk, encoding, output, adapterType }: VmdkRequest): FormatWriter {
  const tableSectors: number[] = []; // by place in the directory, with holes
  let tableIndex = 0;
  let table: Uint8Array | undefined; // none until a grain needs it

  // Another size stands in for an unknown one until `finish`, so that a name that is not possible fails here.
  output.append(encodeStart(disk, disk.size ?? MAX_DISK_SIZE, adapterType));
  output.zeros(OVERHEAD_SECTORS * SECTOR_SIZE - output.position);

  return {
    add(block) {
      const index = Math.floor(block.index / TABLE_GRAINS);
      if (index !== tableIndex) {
        addTable();
        tableIndex = index;
      }
      table ??= new Uint8Array(TABLE_SIZE);
      const entry = block.index % TABLE_GRAINS;
      viewOf(table).setUint32(entry * ENTRY_SIZE, addGrain(block, encoding, output), true);
    },
    finish(diskSize) {
      if (disk.size !== undefined && disk.size !== diskSize) {
        throw new Error(`the disk has ${diskSize} bytes, ${disk.size} were announced`);
      }
      addTable();
      const directory = encodeDirectory(tableSectors, diskSize);
      const gdOffset = addMetadata(GRAIN_DIRECTORY, directory, output);
      addMetadata(FOOTER, encodeHeader(diskSize, BigInt(gdOffset)), output);
      output.append(ZERO_SECTOR);
      if (disk.size === undefined) output.patch(0, encodeStart(disk, diskSize, adapterType));
    },
  };

  function addTable(): void {
    if (table) tableSectors[tableIndex] = addMetadata(GRAIN_TABLE, table, output);
    table = undefined;
  }
}

/** Returns the sector of the image that the grain's marker begins. */
function addGrain(block: Block, encoding: Encoding, output: ImageOutput): number {
  const sector = nextSector(output);
  const packed = block.compressed(encoding);
  if (packed.length > MAX_PACKED_GRAIN) {
    const where = `the 64 KiB at byte ${block.index * BLOCK_SIZE} of the disk`;
    throw new FormatError(
      'unsupported',
      `vmdk: ${where} compress to ${packed.length} bytes, readers take at most ${MAX_PACKED_GRAIN}`,
    );
  }
  const lba = BigInt(block.index * GRAIN_SECTORS);
  output.append(grainMarker.encode({ lba, size: packed.length }));
  output.append(packed);
  output.append(paddingAfter(grainMarker.size + packed.length));
  return sector;
}

/** Puts whole sectors behind a marker; returns the first of them, in the image. */
function addMetadata(type: number, metadata: Uint8Array, output: ImageOutput): number {
  const sectorCount = BigInt(metadata.length / SECTOR_SIZE);
  output.append(oneSector(marker.encode({ sectorCount, size: 0, type })));
  const sector = nextSector(output);
  output.append(metadata);
  return sector;
}

/** The sector that comes next; throws a FormatError if no entry can name it. */
function nextSector(output: ImageOutput): number {
  const sector = output.position / SECTOR_SIZE;
  if (sector > MAX_SECTOR) {
    throw new FormatError(
      'unsupported',
      'vmdk: the image grows past 2 TiB, where its tables of 32-bit sector numbers end',
    );
  }
  return sector;
}

function paddingAfter(length: number): Uint8Array {
  const over = length % SECTOR_SIZE;
  return ZERO_SECTOR.subarray(over === 0 ? SECTOR_SIZE : over);
}

function encodeDirectory(tableSectors: readonly number[], diskSize: number): Uint8Array {
  const tableCount = Math.ceil(capacityOf(diskSize) / GRAIN_SECTORS / TABLE_GRAINS);
  const sectorCount = Math.ceil((tableCount * ENTRY_SIZE) / SECTOR_SIZE);
  const directory = new Uint8Array(sectorCount * SECTOR_SIZE);
  const view = viewOf(directory);
  tableSectors.forEach((sector, i) => view.setUint32(i * ENTRY_SIZE, sector, true));
  return directory;
}

function encodeStart(disk: Disk, diskSize: number, adapterType: AdapterType): Uint8Array {
  const start = new Uint8Array((DESCRIPTOR_SECTOR + DESCRIPTOR_SECTORS) * SECTOR_SIZE);
  start.set(encodeHeader(diskSize, GD_AT_END));
  const descriptor = encodeDescriptor(disk, capacityOf(diskSize), adapterType);
  start.set(descriptor, DESCRIPTOR_SECTOR * SECTOR_SIZE);
  return start;
}

/** In sectors. VirtualBox refuses a part of a grain, and open-vmdk never ends on it. */
function capacityOf(diskSize: number): number {
  return Math.ceil(diskSize / BLOCK_SIZE) * GRAIN_SECTORS;
}

function encodeHeader(diskSize: number, gdOffset: bigint): Uint8Array {
  const bytes = header.encode({
    magic: MAGIC,
    version: VERSION,
    flags: FLAGS,
    capacity: BigInt(capacityOf(diskSize)),
    grainSize: BigInt(GRAIN_SECTORS),
    descriptorOffset: BigInt(DESCRIPTOR_SECTOR),
    descriptorSize: BigInt(DESCRIPTOR_SECTORS),
    numGTEsPerGT: TABLE_GRAINS,
    rgdOffset: 0n,
    gdOffset,
    overHead: BigInt(OVERHEAD_SECTORS),
    uncleanShutdown: 0,
    ...NEWLINE_TEST,
    compressAlgorithm: DEFLATE,
  });
  return oneSector(bytes);
}

/** The bytes and zeros after them. */
function oneSector(bytes: Uint8Array): Uint8Array {
  const sector = new Uint8Array(SECTOR_SIZE);
  sector.set(bytes);
  return sector;
}
