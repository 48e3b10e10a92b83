// Finds out what a disk boots from. The disk may be hostile, so nothing on it decides how often or
// how much is read.
//
//   MBR -> GPT or partitions -> EFI system partitions -> \EFI\BOOT

import { type DiskView, diskView, type ReadAt } from '../partitions/disk-view.ts';
import { mbr, OS_TYPE, TYPE_GUID, typeText } from '../partitions/layout.ts';
import { protectiveIndex } from '../partitions/mbr.ts';
import { contentOf } from './content.ts';
import type { Content, DiskFacts, Partition, PartitionTable } from './disk-facts.ts';
import { cutOff } from './cut-off.ts';
import { inspectEsp } from './esp.ts';
import { gptTable } from './gpt-table.ts';
import { isEmpty, mbrTable, partitionRecords } from './mbr-table.ts';

/**
 * How many EFI system partitions of a disk are inspected. A limit of this program; disks have one.
 */
export const MAX_ESPS = 4;

/**
 * Reads the parts of a disk of `size` bytes that decide whether it boots on another machine:
 * usually some 200 KiB, in at most a few thousand reads. Throws only what `read` throws, whatever
 * is on the disk.
 */
export async function inspectDisk(read: ReadAt, size: number): Promise<DiskFacts> {
  const disk = diskView(read, size);
  const firstSector = await disk.at(0, mbr.size);
  const content = await contentOf(disk);
  const table = await readTable(disk, firstSector, content);
  return {
    table: { ...table, partitions: await withEsps(disk, table.partitions) },
    cutOff: await cutOff(disk, size),
    bootCode: mbr.decode(firstSector).bootCode.some((byte) => byte !== 0),
    content: table.kind === 'none' ? content : undefined,
  };
}

async function readTable(
  disk: DiskView,
  firstSector: Uint8Array,
  content: Content | undefined,
): Promise<PartitionTable> {
  const records = partitionRecords(firstSector);
  const empty = !records || isEmpty(records);
  // A GPT beside an ordinary MBR is a remnant of earlier use.
  if (!empty && protectiveIndex(records) === -1) return mbrTable(records, disk.size);

  const gpt = await gptTable(disk);
  if (!empty) return gpt ?? missing('its primary header is missing or damaged');
  if (gpt) return { ...gpt, problem: 'its protective MBR is missing' };
  // The first sector of a FAT file system can look like an empty MBR.
  if (records && content === undefined) return mbrTable(records, disk.size);
  return { kind: 'none', problem: undefined, partitions: [] };
}

function missing(problem: string): PartitionTable {
  return { kind: 'gpt', problem, partitions: [] };
}

async function withEsps(disk: DiskView, partitions: readonly Partition[]): Promise<Partition[]> {
  const espTypes: readonly string[] = [TYPE_GUID.esp, typeText(OS_TYPE.esp)];
  let espCount = 0;
  const result: Partition[] = [];
  for (const partition of partitions) {
    const isEsp = espTypes.includes(partition.type) && ++espCount <= MAX_ESPS;
    const esp = isEsp && (await inspectEsp(disk, partition.diskOffset));
    result.push(esp ? { ...partition, esp } : partition);
  }
  return result;
}
