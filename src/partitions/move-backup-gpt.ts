// The GUID Partition Table of a disk whose end moves. On disk, in sectors of 512 or 4096 bytes:
//   protective MBR, primary header, entries    usually adjacent
//   partitions
//   a copy of the entries, backup header       the last sectors
// Specification: UEFI 2.10, chapter 5. All numbers are little-endian.

import { headView } from './disk-view.ts';
import { roundUp } from '../../formats/rounding.ts';
import { encodeHeader, findGpt, type Gpt, readEntries } from './gpt.ts';
import { mbr, partitionRecord, PRIMARY_LBA } from './layout.ts';
import { mbrRecords, protectiveIndex } from './mbr.ts';

/** Bytes at the start of a disk in which `moveBackupGpt` expects the primary GPT. */
export const GPT_HEAD_SIZE = 2 ** 20;

/** Bytes that replace those of the disk from an offset on. */
export interface Edit {
  readonly diskOffset: number;
  readonly bytes: Uint8Array;
}

/** The edits that move a GPT, to be applied in order, or why it must be left as it is. */
export type GptMove = { readonly edits: readonly [...Edit[], Edit] } | { readonly problem: string };

const MAX_SIZE_IN_LBA = 0xffffffff;

/** A primary GPT that passed every check. */
interface WholeGpt extends Gpt {
  /** The entries, in whole sectors. */
  readonly entries: Uint8Array;
}

/**
 * Moves the backup GPT of a disk that grows from `oldSize` to `newSize` bytes to its new end.
 * `head` is the first GPT_HEAD_SIZE bytes of the disk, padded with zeros. The last edit ends at the
 * new end, the one before it erases the old backup. Undefined if the disk has no GPT.
 */
export async function moveBackupGpt(
  head: Uint8Array,
  oldSize: number,
  newSize: number,
): Promise<GptMove | undefined> {
  if (protectiveIndex(mbrRecords(head) ?? []) === -1) return undefined;
  const gpt = await soundGpt(head, oldSize, newSize);
  if ('problem' in gpt) return gpt;

  const { sectorSize, entries } = gpt;
  const backupSize = entries.length + sectorSize;
  const growth = BigInt((newSize - oldSize) / sectorSize);
  const primary = {
    ...gpt.header,
    alternateLba: gpt.header.alternateLba + growth,
    lastUsableLba: gpt.header.lastUsableLba + growth,
  };
  const backup = {
    ...primary,
    myLba: primary.alternateLba,
    alternateLba: PRIMARY_LBA,
    partitionEntryLba: primary.alternateLba - BigInt(entries.length / sectorSize),
  };

  const start = head.slice(0, 2 * sectorSize);
  const sector = start.subarray(sectorSize);
  growProtective(start, oldSize / sectorSize, newSize / sectorSize);
  sector.set(encodeHeader(primary, sector));
  const end = new Uint8Array(backupSize);
  end.set(entries);
  end.set(encodeHeader(backup, sector), entries.length);
  return {
    edits: [
      { diskOffset: 0, bytes: start },
      { diskOffset: oldSize - backupSize, bytes: new Uint8Array(backupSize) },
      { diskOffset: newSize - backupSize, bytes: end },
    ],
  };
}

/** Checks all of the primary GPT. Only a valid one may be rewritten. */
async function soundGpt(
  head: Uint8Array,
  oldSize: number,
  newSize: number,
): Promise<WholeGpt | { problem: string }> {
  const disk = headView(head);
  const gpt = await findGpt(disk);
  if (!gpt) return { problem: 'its primary header is missing or damaged' };
  const { sectorSize, header } = gpt;
  if (oldSize % sectorSize !== 0 || newSize % sectorSize !== 0) {
    return { problem: `the disk does not end with a whole sector of ${sectorSize} bytes` };
  }
  const last = BigInt(oldSize / sectorSize) - 1n;
  if (header.alternateLba !== last) return { problem: 'its backup is not in the last sector' };
  const start = header.partitionEntryLba * BigInt(sectorSize);
  const end = start + BigInt(header.entryCount) * BigInt(header.entrySize);
  if (header.partitionEntryLba <= PRIMARY_LBA || end > head.length) {
    return { problem: 'its entries are not in the first MiB' };
  }
  const array = await readEntries(disk, gpt);
  if ('problem' in array) return array;
  const entries = new Uint8Array(roundUp(array.length, sectorSize));
  entries.set(array);
  const backupStart = oldSize - sectorSize - entries.length;
  const usableEnd = (header.lastUsableLba + 1n) * BigInt(sectorSize);
  if (backupStart < end || backupStart < usableEnd) {
    return { problem: 'its backup overlaps what is before it' };
  }
  return { ...gpt, entries };
}

/** Extends the protective record to the new end of the disk, if it ended exactly at the old one. */
function growProtective(head: Uint8Array, oldSectors: number, newSectors: number): void {
  const records = mbrRecords(head)!; // `moveBackupGpt` has found them
  const index = protectiveIndex(records);
  const record = records[index]!;
  if (record.startingLba + record.sizeInLba !== oldSectors) return;
  const sizeInLba = Math.min(newSectors - record.startingLba, MAX_SIZE_IN_LBA);
  const exact = String(record.endingChs) === String(chs(oldSectors - 1));
  const endingChs = exact ? chs(newSectors - 1) : record.endingChs;
  const { partitions, ...rest } = mbr.decode(head);
  partitions.set(
    partitionRecord.encode({ ...record, endingChs, sizeInLba }),
    index * partitionRecord.size,
  );
  head.set(mbr.encode({ ...rest, partitions }));
}

/**
 * The CHS address of a sector on a disk with 255 heads and 63 sectors per track; all ones if it
 * does not fit.
 */
function chs(lba: number): Uint8Array {
  const cylinder = Math.floor(lba / (255 * 63));
  if (cylinder > 1023) return Uint8Array.of(0xff, 0xff, 0xff);
  const head = Math.floor(lba / 63) % 255;
  const sector = (lba % 63) + 1;
  return Uint8Array.of(head, ((cylinder >> 8) << 6) | sector, cylinder & 0xff);
}
