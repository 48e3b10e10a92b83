// The numbers on a disk that `info` and the warnings of an export read: MBR, GPT, FAT, ext4, and
// the beginnings of XFS, NTFS and LVM.

import { bootSector, directoryEntry } from '../../../src/inspect/fat-layout.ts';
import {
  gptEntry,
  gptHeader,
  GPT_SIGNATURE,
  partitionRecord,
} from '../../../src/partitions/layout.ts';
import { crc32 } from '../../../src/runtime/crc32.ts';
import { type At, entryOf, fieldsOf, fixed, type Place } from '../place.ts';
import type { Random } from '../random.ts';
import type { Scratch } from '../scratch.ts';

const SECTOR = 512;
const RECORDS_AT = 446; // of an MBR
const ESP_AT = 2 ** 20; // on the disk among the fixtures

const little = (offset: number, width: Place['width'], values?: Place['values']): Place => ({
  at: fixed(offset),
  width,
  order: 'little',
  values,
});

const entry: At = (_, random) => 2 * SECTOR + gptEntry.size * random.below(3);
const fileSystem: At = (image, random) => random.pick([...boots(image), 0]);

export const DISK_PLACES: readonly Place[] = [
  ...fieldsOf(
    partitionRecord,
    { at: (_, random) => RECORDS_AT + 16 * random.below(4) },
    { osType: [0n, 5n, 7n, 0x83n, 0xeen, 0xefn], bootIndicator: [0n, 0x80n] },
  ),
  little(510, 2),
  ...fieldsOf(gptHeader, { at: fixed(SECTOR), seal: sealHeader }),
  ...fieldsOf(gptEntry, { at: entry, seal: sealEntries }),
  // The type of a partition: that of another.
  { at: entry, width: 8, order: 'little', seal: sealEntries },
  ...fieldsOf(
    bootSector,
    { at: fileSystem },
    {
      sectorSize: [512n, 1024n, 2048n, 4096n, 8192n],
      sectorsPerCluster: [1n, 2n, 4n, 8n, 128n, 255n],
      media: [0xf0n, 0xf8n, 0xffn],
      fatSectors16: [0n, 1n, 6n],
    },
  ),
  ...[1, 2, 4].map((width): Place => ({
    at: entryOf(allocationTable, width),
    width: width as Place['width'],
    order: 'little',
    values: [0n, 2n, 3n, 4n, 5n],
  })),
  ...fieldsOf(directoryEntry, { at: entryOf(directory, directoryEntry.size) }),
  // The superblock of ext4: blocks, size of a block, magic, features, blocks in the upper half.
  ...[1024 + 4, 1024 + 24, 1024 + 92, 1024 + 96, 1024 + 100, 1024 + 336].map((at) => little(at, 4)),
  little(1024 + 56, 2, [0xef53n]),
  // XFS: size of a block, blocks. NTFS: bytes of a sector, sectors. LVM: offset of the header,
  // size.
  { at: fixed(4), width: 4, order: 'big' },
  { at: fixed(8), width: 8, order: 'big' },
  little(11, 2),
  little(40, 8),
  little(512 + 20, 4),
  little(512 + 64, 8),
];

function sealHeader(image: Scratch): void {
  if (image.bytes.length < 2 * SECTOR) return;
  const { headerSize } = gptHeader.decode(image.bytes.subarray(SECTOR));
  const sector = image.edit(SECTOR, SECTOR);
  sector.writeUInt32LE(0, 16);
  sector.writeUInt32LE(crc32(sector.subarray(0, Math.min(headerSize, SECTOR))), 16);
}

function sealEntries(image: Scratch): void {
  if (image.bytes.length < 2 * SECTOR) return;
  const header = gptHeader.decode(image.bytes.subarray(SECTOR));
  if (header.signature !== GPT_SIGNATURE) return;
  const start = Number(header.partitionEntryLba) * SECTOR;
  const length = Math.min(header.entryCount * header.entrySize, 2 ** 16);
  const sum = crc32(image.bytes.subarray(start, start + length));
  image.edit(SECTOR + 88, 4).writeUInt32LE(sum);
  sealHeader(image);
}

/** Where a FAT file system may begin: the whole disk, or its EFI system partition. */
function boots(image: Buffer): number[] {
  return [ESP_AT, 0].filter((at) => image.length >= at + SECTOR && isBoot(image, at));
}

const isBoot = (image: Buffer, at: number) => image.readUInt16LE(at + 510) === 0xaa55;

function fat(image: Buffer) {
  const [at] = boots(image);
  if (at === undefined) return undefined;
  const found = bootSector.decode(image.subarray(at));
  const fats = at + found.reservedSectorCount * SECTOR;
  const sectors = found.fatSectors16 || found.fatSectors32;
  return { fats, root: fats + found.fatCount * sectors * SECTOR };
}

function allocationTable(image: Buffer) {
  const found = fat(image);
  return found && { start: found.fats, count: 64 };
}

/** The root directory, or what lies in a cluster behind it. */
function directory(image: Buffer, random: Random) {
  const found = fat(image);
  return found && { start: found.root + SECTOR * random.pick([0, 1, 2, 32, 36]), count: 16 };
}
