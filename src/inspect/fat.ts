// Reads directories of a FAT file system, by short names. The disk may be hostile, so at most
// MAX_CHAIN clusters and MAX_DIRECTORY_SIZE bytes of a directory are read.

import { viewOf } from '../../formats/struct.ts';
import type { DiskView } from '../partitions/disk-view.ts';
import {
  bootSector,
  DELETED,
  DIRECTORY,
  directoryEntry,
  FAT16_CLUSTERS,
  FAT32_MASK,
  FIRST_CLUSTER,
  MAX_CHAIN,
  MAX_DIRECTORY_SIZE,
  MEDIA_FIRST_OTHER,
  MEDIA_REMOVABLE,
  SECTOR_SIZES,
  VOLUME_ID,
} from './fat-layout.ts';

/** A file or folder. */
export interface FatEntry {
  /** Such as `BOOTX64.EFI`. */
  readonly name: string;
  readonly isDirectory: boolean;
  readonly firstCluster: number;
  /** In bytes; 0 for a folder. */
  readonly size: number;
}

/** An open FAT file system. */
export interface Fat {
  /** Bits of an entry in the file allocation table. */
  readonly bits: 12 | 16 | 32;
  /** The entries of a folder; empty if it does not exist. Names are in capitals. */
  list(path: readonly string[]): Promise<readonly FatEntry[]>;
}

/** The layout of the file system; offsets are bytes of the disk. */
interface Geometry {
  readonly bits: 12 | 16 | 32;
  readonly fatOffset: number;
  /** Start of the root directory in FAT12 and FAT16. */
  readonly rootOffset: number;
  readonly rootSize: number;
  /** First cluster of the root directory in FAT32. */
  readonly rootCluster: number;
  readonly dataOffset: number;
  readonly clusterSize: number;
  readonly clusterCount: number;
}

/** Opens the file system that begins at `diskOffset`; undefined if it is not FAT. */
export async function openFat(disk: DiskView, diskOffset: number): Promise<Fat | undefined> {
  const geometry = geometryOf(await disk.at(diskOffset, bootSector.size), diskOffset);
  if (!geometry) return undefined;
  return {
    bits: geometry.bits,
    async list(path) {
      let entries = await readDirectory(rootPieces(disk, geometry));
      for (const name of path) {
        const folder = entries.find((entry) => entry.isDirectory && entry.name === name);
        if (!folder) return [];
        entries = await readDirectory(chainPieces(disk, geometry, folder.firstCluster));
      }
      return entries;
    },
  };
}

function geometryOf(sector: Uint8Array, diskOffset: number): Geometry | undefined {
  const found = bootSector.decode(sector);
  if (!isSane(found)) return undefined;
  const { sectorSize, sectorsPerCluster, fatSectors16 } = found;
  const fatSectors = fatSectors16 || found.fatSectors32;
  const sectorCount = found.sectorCount16 || found.sectorCount32;
  const rootStart = found.reservedSectorCount + found.fatCount * fatSectors;
  const rootSize = found.rootEntryCount * directoryEntry.size;
  const dataStart = rootStart + Math.ceil(rootSize / sectorSize);
  const clusterCount = Math.floor((sectorCount - dataStart) / sectorsPerCluster);
  if (fatSectors === 0 || clusterCount <= 0) return undefined;
  return {
    bits: bitsOf(fatSectors16, clusterCount),
    fatOffset: diskOffset + found.reservedSectorCount * sectorSize,
    rootOffset: diskOffset + rootStart * sectorSize,
    rootSize,
    rootCluster: found.rootCluster,
    dataOffset: diskOffset + dataStart * sectorSize,
    clusterSize: sectorsPerCluster * sectorSize,
    clusterCount,
  };
}

/** The checks that Linux (fs/fat/inode.c) and EDK II (FatPkg) both make of a boot sector. */
function isSane(found: ReturnType<typeof bootSector.decode>): boolean {
  const { sectorsPerCluster, media } = found;
  return (
    SECTOR_SIZES.includes(found.sectorSize) &&
    sectorsPerCluster > 0 &&
    Number.isInteger(Math.log2(sectorsPerCluster)) &&
    found.reservedSectorCount > 0 &&
    found.fatCount > 0 &&
    (media === MEDIA_REMOVABLE || media >= MEDIA_FIRST_OTHER)
  );
}

/**
 * The specification goes by the number of clusters alone. Linux and EDK II look at the field of
 * FAT32 first, because mkfs.vfat -F 32 makes file systems with fewer clusters than FAT32 should
 * have.
 */
function bitsOf(fatSectors16: number, clusterCount: number): 12 | 16 | 32 {
  if (fatSectors16 === 0) return 32;
  return clusterCount < FAT16_CLUSTERS ? 12 : 16;
}

async function* rootPieces(disk: DiskView, geometry: Geometry): AsyncGenerator<Uint8Array> {
  const { bits, rootOffset, rootSize, rootCluster } = geometry;
  if (bits === 32) yield* chainPieces(disk, geometry, rootCluster);
  else yield disk.at(rootOffset, Math.min(rootSize, MAX_DIRECTORY_SIZE));
}

async function* chainPieces(
  disk: DiskView,
  geometry: Geometry,
  first: number,
): AsyncGenerator<Uint8Array> {
  const { bits, dataOffset, clusterSize, clusterCount } = geometry;
  const most = Math.min(MAX_CHAIN, MAX_DIRECTORY_SIZE / clusterSize);
  // In FAT12 and FAT16, OS/2 uses the upper half for something else.
  let cluster = bits === 32 ? first : first & 0xffff;
  for (let count = 0; count < most; count++) {
    // Any other number is the end of the chain, or damage.
    if (cluster < FIRST_CLUSTER || cluster >= FIRST_CLUSTER + clusterCount) return;
    yield disk.at(dataOffset + (cluster - FIRST_CLUSTER) * clusterSize, clusterSize);
    cluster = await nextCluster(disk, geometry, cluster);
  }
}

async function nextCluster(
  disk: DiskView,
  { bits, fatOffset }: Geometry,
  cluster: number,
): Promise<number> {
  const view = viewOf(await disk.at(fatOffset + Math.floor((cluster * bits) / 8), 4));
  if (bits === 32) return view.getUint32(0, true) & FAT32_MASK;
  const value = view.getUint16(0, true);
  if (bits === 16) return value;
  // Two entries share three bytes: the odd one has the upper bits.
  return cluster % 2 === 1 ? value >> 4 : value & 0xfff;
}

async function readDirectory(pieces: AsyncIterable<Uint8Array>): Promise<FatEntry[]> {
  const entries: FatEntry[] = [];
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; at += directoryEntry.size) {
      const found = directoryEntry.decode(piece.subarray(at));
      if (found.name === '') return entries;
      if (found.name.startsWith(DELETED) || found.attributes & VOLUME_ID) continue;
      entries.push(entryOf(found));
    }
  }
  return entries;
}

function entryOf(found: ReturnType<typeof directoryEntry.decode>): FatEntry {
  const base = found.name.slice(0, 8).trimEnd();
  const extension = found.name.slice(8).trimEnd();
  return {
    name: extension ? `${base}.${extension}` : base,
    isDirectory: (found.attributes & DIRECTORY) !== 0,
    firstCluster: found.firstClusterHigh * 2 ** 16 + found.firstClusterLow,
    size: found.size,
  };
}
