// Looks at a disk as an export and `info` do: at its partitions, its file systems, where it ends.

import { importWarnings } from '../../../src/inspect/import-warnings.ts';
import { inspectDisk } from '../../../src/inspect/inspect-disk.ts';
import { GPT_HEAD_SIZE, moveBackupGpt } from '../../../src/partitions/move-backup-gpt.ts';

const MIB = 2 ** 20;

/** Four EFI system partitions with three directories of 256 clusters, and the tables. */
const MOST_READS = 4 * (1 + 3 * 2 * 256) + 20;

/** Reads what decides whether the disk boots, and moves its GPT. */
export async function readInspected(disk: Buffer): Promise<void> {
  let reads = 0;
  const read = (diskOffset: number, buffer: Uint8Array) => {
    if (++reads > MOST_READS) throw new Error(`more than ${MOST_READS} reads`);
    const end = diskOffset + buffer.length;
    if (!Number.isSafeInteger(diskOffset) || diskOffset < 0 || end > disk.length) {
      throw new Error(`${buffer.length} bytes at ${diskOffset} are not on the disk`);
    }
    return Promise.resolve(disk.copy(buffer, 0, diskOffset));
  };
  const facts = await inspectDisk(read, disk.length);
  for (const { diskOffset, size } of facts.table.partitions) {
    if (diskOffset < 0 || size <= 0 || diskOffset + size > disk.length) {
      throw new Error(`a partition of ${size} bytes at ${diskOffset} is not on the disk`);
    }
  }
  for (const firmware of ['efi', 'bios'] as const)
    JSON.stringify(importWarnings(facts, { firmware }));
  await move(disk);
}

async function move(disk: Buffer): Promise<void> {
  const head = Buffer.alloc(GPT_HEAD_SIZE);
  disk.copy(head);
  const newSize = Math.ceil((disk.length + 1) / MIB) * MIB;
  const moved = await moveBackupGpt(head, disk.length, newSize);
  if (!moved || !('edits' in moved)) return;
  for (const { diskOffset, bytes } of moved.edits) {
    if (diskOffset >= 0 && diskOffset + bytes.length <= newSize) continue;
    throw new Error(`${bytes.length} bytes are written at ${diskOffset}`);
  }
}
