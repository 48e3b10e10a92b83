// streamOptimized VMDKs as other programs write them, byte by byte and without our own layouts.
// Sources: VirtualBox, src/VBox/Storage/VMDK.cpp; VMware's open-vmdk, vmdk/sparse.c.

import { deflateSync } from 'node:zlib';
import { virtualboxDescriptor } from './virtualbox.ts';

const SECTOR = 512;
const GRAIN = 128; // sectors
const TABLE_GRAINS = 512;
const TABLE_SECTORS = (TABLE_GRAINS * 4) / SECTOR;
const GD_AT_END = 2n ** 64n - 1n;

/** Types of markers. */
const TABLE = 1;
const DIRECTORY = 2;
const FOOTER = 3;

interface Header {
  /** Sectors of the disk, of the descriptor, of all before the first grain. */
  readonly capacity: number;
  readonly descriptor: number;
  readonly overhead: number;
  /** First sector of the grain directory. */
  readonly directory: bigint;
}

/**
 * As VirtualBox: the descriptor takes as many sectors as it needs, the first grain lies at 64 KiB,
 * each table follows its grains, a table without grains is left out, directory and footer come
 * last. The capacity in the header is in whole grains, and the last grain is filled up; the
 * descriptor has the size of the disk.
 */
export function virtualboxStream(disk: Buffer): Buffer {
  const sectors = disk.length / SECTOR;
  const capacity = Math.ceil(sectors / GRAIN) * GRAIN;
  const text = virtualboxDescriptor(
    `RDONLY ${sectors} SPARSE "box-disk001.vmdk"`,
    'streamOptimized',
  );
  const descriptor = inSectors(Buffer.from(text));
  const layout = { capacity, descriptor: descriptor.length / SECTOR, overhead: GRAIN };
  const image = [headerOf({ ...layout, directory: GD_AT_END }), descriptor];
  image.push(Buffer.alloc(GRAIN * SECTOR - lengthOf(image)));

  const whole = Buffer.concat([disk, Buffer.alloc(capacity * SECTOR - disk.length)]);
  const directory = inSectors(Buffer.alloc(4 * Math.ceil(capacity / GRAIN / TABLE_GRAINS)));
  for (let first = 0; first < capacity / GRAIN; first += TABLE_GRAINS) {
    const table = Buffer.alloc(TABLE_SECTORS * SECTOR);
    for (let i = 0; i < TABLE_GRAINS; i++) {
      const grain = grainOf(whole, first + i);
      if (!grain) continue;
      table.writeUInt32LE(lengthOf(image) / SECTOR, 4 * i);
      image.push(grain);
    }
    if (table.every((byte) => byte === 0)) continue;
    image.push(markerOf(TABLE, TABLE_SECTORS));
    directory.writeUInt32LE(lengthOf(image) / SECTOR, (4 * first) / TABLE_GRAINS);
    image.push(table);
  }
  image.push(markerOf(DIRECTORY, directory.length / SECTOR));
  const place = BigInt(lengthOf(image) / SECTOR);
  image.push(directory, markerOf(FOOTER, 1), headerOf({ ...layout, directory: place }));
  return Buffer.concat([...image, Buffer.alloc(SECTOR)]); // the marker of the end
}

/**
 * As vmdk-convert: directory and tables come first, without markers, and there is no footer. Grains
 * come in the order in which its threads finish them. The last grain has only what lies on the
 * disk, whose size need not be whole grains. A marker of the end comes last.
 */
export function openVmdkStream(disk: Buffer): Buffer {
  const capacity = disk.length / SECTOR;
  const grainCount = Math.ceil(capacity / GRAIN);
  const tableCount = Math.ceil(grainCount / TABLE_GRAINS);
  const directory = inSectors(Buffer.alloc(4 * tableCount));
  const directorySector = 21; // behind the descriptor's 20
  const firstTable = directorySector + directory.length / SECTOR;
  const overhead = firstTable + tableCount * TABLE_SECTORS;
  const tables = Buffer.alloc(tableCount * TABLE_SECTORS * SECTOR);
  for (let i = 0; i < tableCount; i++) {
    directory.writeUInt32LE(firstTable + i * TABLE_SECTORS, 4 * i);
  }
  const grains: Buffer[] = [];
  let end = overhead;
  for (let i = 0; i < grainCount; i++) {
    const number = (i ^ 1) < grainCount ? i ^ 1 : i; // neighbours change places
    const grain = grainOf(disk, number);
    if (!grain) continue;
    tables.writeUInt32LE(end, 4 * number);
    grains.push(grain);
    end += grain.length / SECTOR;
  }
  const descriptor = Buffer.alloc(20 * SECTOR);
  descriptor.write(openVmdkDescriptor(capacity));
  const layout = { capacity, descriptor: 20, overhead, directory: BigInt(directorySector) };
  const front = [headerOf(layout), descriptor, directory, tables];
  return Buffer.concat([...front, ...grains, Buffer.alloc(SECTOR)]);
}

function openVmdkDescriptor(capacity: number): string {
  return `# Disk DescriptorFile
version=1
encoding="UTF-8"
CID=4f2b9d17
parentCID=ffffffff
createType="streamOptimized"

# Extent description
RW ${capacity} SPARSE "disk"

# The Disk Data Base
#DDB

ddb.longContentID = "0c5e7ab1a94e3d2277f019c34f2b9d17"
ddb.virtualHWVersion = "4"
ddb.geometry.cylinders = "${Math.ceil(capacity / (255 * 63))}"
ddb.geometry.heads = "255"
ddb.geometry.sectors = "63"
ddb.adapterType = "lsilogic"
ddb.toolsInstallType = "4"
ddb.toolsVersion = "2147483647"`;
}

function headerOf({ capacity, descriptor, overhead, directory }: Header): Buffer {
  const header = Buffer.alloc(SECTOR);
  header.write('KDMV');
  header.writeUInt32LE(3, 4); // version
  header.writeUInt32LE(0x3_0001, 8); // newline test, compressed, markers
  const wide = [capacity, GRAIN, 1, descriptor];
  wide.forEach((value, i) => header.writeBigUInt64LE(BigInt(value), 12 + 8 * i));
  header.writeUInt32LE(TABLE_GRAINS, 44);
  header.writeBigUInt64LE(directory, 56);
  header.writeBigUInt64LE(BigInt(overhead), 64);
  header.write('\n \r\n', 73);
  header.writeUInt16LE(1, 77); // deflate
  return header;
}

function markerOf(type: number, sectors: number): Buffer {
  const marker = Buffer.alloc(SECTOR);
  marker.writeBigUInt64LE(BigInt(sectors));
  marker.writeUInt32LE(type, 12);
  return marker;
}

/**
 * A compressed grain with its marker, in whole sectors; undefined if it is zeros or past the end.
 */
function grainOf(disk: Buffer, number: number): Buffer | undefined {
  const bytes = disk.subarray(number * GRAIN * SECTOR, (number + 1) * GRAIN * SECTOR);
  if (bytes.every((byte) => byte === 0)) return undefined;
  const compressed = deflateSync(bytes);
  const marker = Buffer.alloc(12);
  marker.writeBigUInt64LE(BigInt(number * GRAIN));
  marker.writeUInt32LE(compressed.length, 8);
  return inSectors(Buffer.concat([marker, compressed]));
}

function inSectors(bytes: Buffer): Buffer {
  const padding = Math.ceil(bytes.length / SECTOR) * SECTOR - bytes.length;
  return Buffer.concat([bytes, Buffer.alloc(padding)]);
}

function lengthOf(parts: readonly Buffer[]): number {
  return parts.reduce((sum, { length }) => sum + length, 0);
}
