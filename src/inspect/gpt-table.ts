import type { DiskView } from '../partitions/disk-view.ts';
import { findGpt, type Gpt, readEntries } from '../partitions/gpt.ts';
import { gptEntry, guidText, TYPE_GUID } from '../partitions/layout.ts';
import type { Partition, PartitionTable } from './disk-facts.ts';
import { onDisk } from './on-disk.ts';

/** The partitions of the primary GPT; undefined if its header is missing or damaged. */
export async function gptTable(disk: DiskView): Promise<PartitionTable | undefined> {
  const gpt = await findGpt(disk);
  return gpt && tableOf(disk, gpt);
}

async function tableOf(disk: DiskView, gpt: Gpt): Promise<PartitionTable> {
  const { sectorSize, header } = gpt;
  const array = await readEntries(disk, gpt);
  if ('problem' in array) return { kind: 'gpt', ...array, partitions: [] };
  const table = onDisk(partitionsOf(array, header.entrySize, sectorSize), disk.size);
  const usableEnd = (header.lastUsableLba + 1n) * BigInt(sectorSize);
  if (usableEnd <= BigInt(disk.size)) return { kind: 'gpt', ...table };
  // Linux then ignores the whole table.
  const found = `the disk has ${disk.size} bytes`;
  return { kind: 'gpt', ...table, problem: `it is made for ${usableEnd} bytes or more, ${found}` };
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
