// The primary GPT as Linux reads it (block/partitions/efi.c), which takes the backup only when told to.

import { crc32 } from '../crc32.ts';
import { isSoundHeader } from '../gpt.ts';
import { gptEntry, gptHeader, guidText, SECTOR_SIZES, TYPE_GUID } from '../partition-layout.ts';
import type { Partition, PartitionTable } from './disk-facts.ts';
import type { DiskView } from './disk-view.ts';
import { onDisk } from './on-disk.ts';

type Header = ReturnType<typeof gptHeader.decode>;

/** Limits of this program, far above the 128 entries of 128 bytes that partitioners make. */
const MAX_ENTRIES = 1024;
const MAX_ENTRY_SIZE = 1024;

/** Reads the primary GPT; undefined if its header is missing or damaged. */
export async function readGpt(disk: DiskView): Promise<PartitionTable | undefined> {
  for (const sectorSize of SECTOR_SIZES) {
    const sector = await disk.at(sectorSize, sectorSize);
    if (isSoundHeader(sector)) return readTable(disk, gptHeader.decode(sector), sectorSize);
  }
  return undefined;
}

async function readTable(
  disk: DiskView,
  header: Header,
  sectorSize: number,
): Promise<PartitionTable> {
  const { entrySize, lastUsableLba } = header;
  if (entrySize < gptEntry.size || entrySize > MAX_ENTRY_SIZE) {
    return damaged(`its entries claim ${entrySize} bytes each`);
  }
  const entryCount = Math.min(header.entryCount, MAX_ENTRIES);
  const arrayOffset = Number(header.partitionEntryLba) * sectorSize;
  const array = await disk.at(arrayOffset, entryCount * entrySize);
  if (entryCount === header.entryCount && crc32(array) !== header.entryArrayCrc32) {
    return damaged('its entries are damaged');
  }
  const table = onDisk(partitionsOf(array, entrySize, sectorSize), disk.size);
  const usableEnd = (lastUsableLba + 1n) * BigInt(sectorSize);
  if (usableEnd <= BigInt(disk.size)) return { kind: 'gpt', ...table };
  // Linux then takes none of it.
  const found = `the disk has ${disk.size} bytes`;
  return { kind: 'gpt', ...table, problem: `it is made for ${usableEnd} bytes or more, ${found}` };
}

function damaged(problem: string): PartitionTable {
  return { kind: 'gpt', problem, partitions: [] };
}

function partitionsOf(array: Uint8Array, entrySize: number, sectorSize: number): Partition[] {
  const partitions: Partition[] = [];
  for (let index = 0; index < array.length / entrySize; index++) {
    const entry = gptEntry.decode(array.subarray(index * entrySize));
    const type = guidText(entry.partitionType);
    const sectorCount = Number(entry.endingLba - entry.startingLba + 1n);
    if (type === TYPE_GUID.unused || sectorCount <= 0) continue;
    partitions.push({
      index: index + 1,
      type,
      diskOffset: Number(entry.startingLba) * sectorSize,
      size: sectorCount * sectorSize,
      name: nameOf(entry.name),
    });
  }
  return partitions;
}

function nameOf(utf16: Uint8Array): string {
  return Buffer.from(utf16).toString('utf16le').split('\0', 1).join('');
}
