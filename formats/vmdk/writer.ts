// Writes a streamOptimized VMDK, front to back:
//   header, descriptor   sector 0 and from sector 1 on; zeros up to sector 128
//   grains               each its marker and its zlib stream, padded to a sector
//   grain table          after each 512 grains of the disk (32 MiB) that are not all zeros
//   grain directory, footer (the header with the place of the directory), each behind a marker
//   end of stream        a sector of zeros where a marker would be: readers stop there

import {
  BLOCK_SIZE,
  type Block,
  type Disk,
  type Encoding,
  type FormatWriter,
  type ImageOutput,
  SECTOR_SIZE,
} from '../contract.ts';
import { paddingAfter, wholeSectors } from '../rounding.ts';
import { viewOf } from '../struct.ts';
import { type AdapterType, encodeDescriptor } from './encode-descriptor.ts';
import { capacityOf, encodeHeader, padToSector } from './encode-header.ts';
import { unsupported } from './faults.ts';
import {
  DESCRIPTOR_SECTOR,
  DESCRIPTOR_SECTORS,
  ENTRY_SIZE,
  FOOTER,
  GD_AT_END,
  GRAIN_DIRECTORY,
  GRAIN_SECTORS,
  GRAIN_TABLE,
  grainMarker,
  marker,
  MAX_COMPRESSED_GRAIN,
  MAX_DISK_SIZE,
  MAX_SECTOR,
  OVERHEAD_SECTORS,
  TABLE_GRAINS,
  TABLE_SIZE,
} from './layout.ts';

const ZERO_SECTOR = new Uint8Array(SECTOR_SIZE);

/** Arguments of {@link vmdkWriter}. */
export interface VmdkRequest {
  readonly disk: Disk;
  /** Default: the name of the disk and `.vmdk`. */
  readonly fileName?: string | undefined;
  readonly encoding: Encoding;
  /** The image; empty. It is patched only if the size of the disk is not known yet. */
  readonly output: ImageOutput;
  readonly adapterType: AdapterType;
}

/** Throws a FormatError if the descriptor cannot hold the name of the file. */
export function vmdkWriter(request: VmdkRequest): FormatWriter {
  const { disk, encoding, output } = request;
  const tableSectors: number[] = []; // by index in the directory, with holes
  let tableIndex = 0;
  let table: Uint8Array | undefined; // none until a grain needs it

  // The largest size stands in for an unknown one, so that a wrong name fails here.
  output.append(encodeStart(request, disk.size ?? MAX_DISK_SIZE));
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
      if (disk.size === undefined) output.patch(0, encodeStart(request, diskSize));
    },
  };

  function addTable(): void {
    if (table) tableSectors[tableIndex] = addMetadata(GRAIN_TABLE, table, output);
    table = undefined;
  }
}

/** Returns the image sector at which the grain's marker begins. */
function addGrain(block: Block, encoding: Encoding, output: ImageOutput): number {
  const sector = nextSector(output);
  const compressed = block.compressed(encoding);
  if (compressed.length > MAX_COMPRESSED_GRAIN) {
    const where = `the 64 KiB at byte ${block.index * BLOCK_SIZE} of the disk`;
    const found = `${where} have ${compressed.length} bytes when compressed`;
    throw unsupported(`${found}, readers accept at most ${MAX_COMPRESSED_GRAIN}`);
  }
  const lba = BigInt(block.index * GRAIN_SECTORS);
  output.append(grainMarker.encode({ lba, size: compressed.length }));
  output.append(compressed);
  const padding = paddingAfter(grainMarker.size + compressed.length, SECTOR_SIZE);
  output.append(ZERO_SECTOR.subarray(0, padding));
  return sector;
}

/** Adds whole sectors behind a marker; returns the image sector of the first. */
function addMetadata(type: number, metadata: Uint8Array, output: ImageOutput): number {
  const sectorCount = BigInt(metadata.length / SECTOR_SIZE);
  output.append(padToSector(marker.encode({ sectorCount, size: 0, type })));
  const sector = nextSector(output);
  output.append(metadata);
  return sector;
}

/** The sector that comes next. Throws a FormatError if no entry can refer to it. */
function nextSector(output: ImageOutput): number {
  const sector = output.position / SECTOR_SIZE;
  if (sector <= MAX_SECTOR) return sector;
  throw unsupported('the image grows past 2 TiB, the end of its 32-bit sector numbers');
}

function encodeDirectory(tableSectors: readonly number[], diskSize: number): Uint8Array {
  const tableCount = Math.ceil(capacityOf(diskSize) / GRAIN_SECTORS / TABLE_GRAINS);
  const directory = new Uint8Array(wholeSectors(tableCount * ENTRY_SIZE));
  const view = viewOf(directory);
  tableSectors.forEach((sector, i) => view.setUint32(i * ENTRY_SIZE, sector, true));
  return directory;
}

function encodeStart(
  { disk, fileName = `${disk.name}.vmdk`, adapterType }: VmdkRequest,
  diskSize: number,
): Uint8Array {
  const start = new Uint8Array((DESCRIPTOR_SECTOR + DESCRIPTOR_SECTORS) * SECTOR_SIZE);
  start.set(encodeHeader(diskSize, GD_AT_END));
  const { uuid } = disk;
  const capacitySectors = capacityOf(diskSize);
  const descriptor = encodeDescriptor({ uuid, fileName, capacitySectors, adapterType });
  start.set(descriptor, DESCRIPTOR_SECTOR * SECTOR_SIZE);
  return start;
}
