import {
  ACTIVE,
  mbr,
  MBR_SIGNATURE,
  OS_TYPE,
  partitionRecord,
  RECORD_COUNT,
  typeText,
} from '../partition-layout.ts';
import type { Partition, PartitionTable } from './disk-facts.ts';
import { onDisk } from './on-disk.ts';

const SECTOR_SIZE = 512;

type Records = readonly ReturnType<typeof partitionRecord.decode>[];

/** The four records of the MBR in the first sector; undefined if no MBR is there. */
export function mbrRecords(sector: Uint8Array): Records | undefined {
  const { signature, partitions } = mbr.decode(sector);
  if (signature !== MBR_SIGNATURE) return undefined;
  const found = Array.from({ length: RECORD_COUNT }, (_, index) =>
    partitionRecord.decode(partitions.subarray(index * partitionRecord.size)),
  );
  // The first sector of a file system has the same signature, and text or code here.
  const sane = found.every(({ bootIndicator }) => bootIndicator === 0 || bootIndicator === ACTIVE);
  return sane ? found : undefined;
}

/** Whether a record keeps the disk for GPT. */
export function isProtective(records: Records): boolean {
  return records.some(({ osType }) => osType === OS_TYPE.gptProtective);
}

/** Whether no record is used. */
export function isEmpty(records: Records): boolean {
  return records.every(({ osType }) => osType === 0);
}

/** The partitions of an MBR, without those in extended ones. */
export function mbrTable(records: Records, diskSize: number): PartitionTable {
  const partitions = records.map(partitionOf).filter(({ size }) => size > 0);
  return { kind: 'mbr', ...onDisk(partitions, diskSize) };
}

function partitionOf(
  { osType, startingLba, sizeInLba }: Records[number],
  index: number,
): Partition {
  return {
    index: index + 1,
    type: typeText(osType),
    diskOffset: startingLba * SECTOR_SIZE,
    size: osType === 0 ? 0 : sizeInLba * SECTOR_SIZE,
    name: OS_TYPE.extended.includes(osType) ? 'extended' : '',
  };
}
