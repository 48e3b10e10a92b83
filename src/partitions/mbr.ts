import { mbr, MBR_SIGNATURE, OS_TYPE, partitionRecord, RECORD_COUNT } from './layout.ts';

/** The records of an MBR, used or not. */
export type MbrRecords = readonly ReturnType<typeof partitionRecord.decode>[];

/**
 * The four records in the first sector of a disk; undefined if it lacks the signature, which file
 * systems also have.
 */
export function mbrRecords(sector: Uint8Array): MbrRecords | undefined {
  const { signature, partitions } = mbr.decode(sector);
  if (signature !== MBR_SIGNATURE) return undefined;
  return Array.from({ length: RECORD_COUNT }, (_, index) =>
    partitionRecord.decode(partitions.subarray(index * partitionRecord.size)),
  );
}

/** Index of the record that protects a GPT; -1 if there is none. */
export function protectiveIndex(records: MbrRecords): number {
  return records.findIndex(({ osType }) => osType === OS_TYPE.gptProtective);
}
