// Inspects disks in memory.

import { readFileSync } from 'node:fs';
import type { DiskFacts } from '../../src/inspect/disk-facts.ts';
import { importWarnings } from '../../src/inspect/import-warnings.ts';
import { inspectDisk } from '../../src/inspect/inspect-disk.ts';
import { BOOT_DISK } from '../support/project.ts';

/** The disk that boots. */
export const FIXTURE = readFileSync(BOOT_DISK);
/** Where its EFI system partition begins. */
export const ESP_OFFSET = 2 ** 20;
export const ESP_GUID = 'C12A7328-F81F-11D2-BA4B-00A0C93EC93B';

/**
 * Four EFI system partitions with three directories of 256 clusters and FAT entries, and the
 * tables.
 */
const MOST_READS = 4 * (1 + 3 * 2 * 256) + 20;

/**
 * Inspects a disk in memory. Throws for a read past its end, or if there are more reads than the
 * limit.
 */
export async function inspect(disk: Buffer, mostReads = MOST_READS): Promise<DiskFacts> {
  let reads = 0;
  const read = (diskOffset: number, buffer: Uint8Array) => {
    if (++reads > mostReads) throw new Error(`more than ${mostReads} reads`);
    const end = diskOffset + buffer.length;
    if (!Number.isSafeInteger(diskOffset) || diskOffset < 0 || end > disk.length) {
      throw new Error(`${buffer.length} bytes at ${diskOffset} are not on the disk`);
    }
    return Promise.resolve(disk.copy(buffer, 0, diskOffset));
  };
  return inspectDisk(read, disk.length);
}

/** The warnings about a disk in memory. */
export async function warnings(disk: Buffer, firmware?: 'efi' | 'bios'): Promise<string[]> {
  return importWarnings(await inspect(disk), { firmware });
}

/** The disk that boots, with other bytes there. */
export function fixtureWith(diskOffset: number, bytes: Uint8Array): Buffer {
  const disk = Buffer.from(FIXTURE);
  disk.set(bytes, diskOffset);
  return disk;
}
