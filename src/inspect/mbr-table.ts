import { ACTIVE, OS_TYPE, typeText } from '../partitions/layout.ts';
import { type MbrRecords, mbrRecords } from '../partitions/mbr.ts';
import type { Partition, PartitionTable } from './disk-facts.ts';
import { onDisk } from './on-disk.ts';

const SECTOR_SIZE = 512;

/** The records of the MBR in the first sector; undefined if it is not an MBR. */
export function partitionRecords(sector: Uint8Array): MbrRecords | undefined {
  const found = mbrRecords(sector);
  // The first sector of a file system has the same signature, but text or code in this place.
  const isSane = found?.every(
    ({ bootIndicator }) => bootIndicator === 0 || bootIndicator === ACTIVE,
  );
  return isSane ? found : undefined;
}

/** Whether no record is used. */
export function isEmpty(records: MbrRecords): boolean {
  return records.every(({ osType }) => osType === 0);
}

/** The partitions of an MBR, without those inside extended partitions. */
export function mbrTable(records: MbrRecords, diskSize: number): PartitionTable {
  const partitions = records.map(partitionOf).filter(({ size }) => size > 0);
  return { kind: 'mbr', ...onDisk(partitions, diskSize) };
}

function partitionOf(
  { osType, startingLba, sizeInLba }: MbrRecords[number],
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
