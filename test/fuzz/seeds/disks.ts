// Disks whose partition tables and file systems are damaged.

import { readFileSync } from 'node:fs';
import { bootSector, directoryEntry } from '../../../src/inspect/fat-layout.ts';
import { BOOT_DISK } from '../../support/project.ts';
import type { Seed } from '../target.ts';

const SECTOR = 512;
const MIB = 2 ** 20;
const RECORDS_AT = 446;
const EXT4_AT = 3 * MIB; // on the disk among the fixtures

/** A disk that boots, one with an MBR, and the beginnings of file systems. */
export function diskSeeds(): Seed[] {
  const boot = readFileSync(BOOT_DISK);
  return [
    { name: 'gpt', bytes: boot },
    { name: 'mbr', bytes: withMbr(Buffer.alloc(64 * SECTOR)) },
    { name: 'fat16', bytes: fatDisk(16) },
    { name: 'fat32', bytes: fatDisk(32) },
    { name: 'ext4', bytes: boot.subarray(EXT4_AT, EXT4_AT + 2 ** 17) },
    { name: 'xfs', bytes: headed([0, 'XFSB\0\0\x10\0\0\0\0\0\0\0\x10\0']) },
    { name: 'ntfs', bytes: headed([3, 'NTFS    \0\x02'], [40, '\xff\x07']) },
    { name: 'lvm', bytes: headed([SECTOR, 'LABELONE'], [SECTOR + 20, ' '], [SECTOR + 66, '\x10']) },
  ];
}

function headed(...texts: readonly (readonly [at: number, text: string])[]): Buffer {
  const head = Buffer.alloc(8 * SECTOR);
  for (const [at, text] of texts) head.write(text, at, 'latin1');
  return head;
}

/** Four partitions, two of them for EFI. */
function withMbr(disk: Buffer): Buffer {
  for (const [i, type] of [0xef, 0x83, 0x05, 0xef].entries()) {
    const at = RECORDS_AT + 16 * i;
    disk[at + 4] = type;
    disk.writeUInt32LE(8 * (i + 1), at + 8);
    disk.writeUInt32LE(8, at + 12);
  }
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

/** Cluster 2 is the root directory of FAT32; then EFI, BOOT and a program. */
function fatDisk(bits: 16 | 32): Buffer {
  const [reserved, fatSectors, rootSectors] = bits === 32 ? [32, 4, 0] : [1, 20, 32];
  const disk = Buffer.alloc((reserved + fatSectors + rootSectors) * SECTOR + 5000 * SECTOR);
  const values = bootSector.decode(disk);
  const sizes = { sectorSize: SECTOR, sectorsPerCluster: 1, reservedSectorCount: reserved };
  const tables = { fatCount: 1, media: 0xf8, sectorCount32: disk.length / SECTOR, rootCluster: 2 };
  const root = { rootEntryCount: rootSectors * 16 };
  const fats = bits === 32 ? { fatSectors32: fatSectors } : { fatSectors16: fatSectors };
  disk.set(bootSector.encode({ ...values, ...sizes, ...tables, ...root, ...fats }));
  disk.writeUInt16LE(0xaa55, 510);
  disk.fill(0xff, reserved * SECTOR, reserved * SECTOR + 64); // each chain has one cluster
  const data = (reserved + fatSectors + rootSectors) * SECTOR;
  const cluster = (number: number) => data + (number - 2) * SECTOR;
  const rootAt = bits === 32 ? cluster(2) : (reserved + fatSectors) * SECTOR;
  disk.set(entry('EFI', 0x10, 3), rootAt);
  disk.set(entry('BOOT', 0x10, 4), cluster(3));
  disk.set(entry('BOOTX64 EFI', 0x20, 5), cluster(4));
  return disk;
}

function entry(name: string, attributes: number, firstClusterLow: number): Uint8Array {
  const empty = directoryEntry.decode(new Uint8Array(directoryEntry.size));
  const size = attributes === 0x20 ? SECTOR : 0;
  const values = { ...empty, name: name.padEnd(11), attributes, firstClusterLow, size };
  return directoryEntry.encode(values);
}
