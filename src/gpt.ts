// The GUID Partition Table of a disk whose end moves. On disk, in sectors of 512 or 4096 bytes:
//   protective MBR, primary header, entries    as a rule right behind one another
//   partitions
//   a copy of the entries, backup header       the last sectors
// Specification: UEFI 2.10, chapter 5. All numbers are little-endian.

import { roundUp } from './disk-size.ts';
import { crc32 } from './crc32.ts';
import {
  GPT_SIGNATURE,
  gptHeader,
  mbr,
  MBR_SIGNATURE,
  OS_TYPE,
  partitionRecord,
  PRIMARY_LBA,
  SECTOR_SIZES,
} from './partition-layout.ts';

/** Bytes at the start of a disk in which `moveBackupGpt` expects the primary GPT. */
export const GPT_HEAD_SIZE = 2 ** 20;

/** Bytes that replace those of the disk from an offset on. */
export interface Edit {
  readonly diskOffset: number;
  readonly bytes: Uint8Array;
}

/** What became of a GPT: the edits to make, one after the other, or why it is better left alone. */
export type GptMove = { readonly edits: readonly [...Edit[], Edit] } | { readonly problem: string };

type Header = ReturnType<typeof gptHeader.decode>;

const MAX_SIZE_IN_LBA = 0xffffffff;

/** A primary GPT that passes every check, and where its backup is. */
interface Gpt {
  readonly sectorSize: number;
  readonly header: Header;
  /** The entries, in whole sectors. */
  readonly entries: Uint8Array;
}

/**
 * Moves the backup GPT of a disk that grows from `oldSize` to `newSize` bytes to its new end. `head` is the first
 * GPT_HEAD_SIZE bytes of the disk, padded with zeros. The last edit ends at the new end, the one before it
 * erases the old backup. Undefined if the disk has no GPT.
 */
export function moveBackupGpt(
  head: Uint8Array,
  oldSize: number,
  newSize: number,
): GptMove | undefined {
  if (protectiveIndex(head) === -1) return undefined;
  const gpt = readGpt(head, oldSize, newSize);
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

/** The place of the record in the MBR that keeps the disk for GPT; -1 if it has none. */
function protectiveIndex(head: Uint8Array): number {
  const { signature, partitions } = mbr.decode(head);
  if (signature !== MBR_SIGNATURE) return -1;
  return [0, 1, 2, 3].findIndex(
    (index) => recordAt(partitions, index).osType === OS_TYPE.gptProtective,
  );
}

function recordAt(
  partitions: Uint8Array,
  index: number,
): ReturnType<typeof partitionRecord.decode> {
  return partitionRecord.decode(partitions.subarray(index * partitionRecord.size));
}

/** Reads and checks the primary GPT: what passes may be rewritten. */
function readGpt(head: Uint8Array, oldSize: number, newSize: number): Gpt | { problem: string } {
  const sectorSize = SECTOR_SIZES.find((size) => isSoundHeader(head.subarray(size, 2 * size)));
  if (!sectorSize) return { problem: 'its primary header is missing or damaged' };
  const found = gptHeader.decode(head.subarray(sectorSize));
  if (oldSize % sectorSize !== 0 || newSize % sectorSize !== 0) {
    return { problem: `the disk does not end with a whole sector of ${sectorSize} bytes` };
  }
  const last = BigInt(oldSize / sectorSize) - 1n;
  if (found.alternateLba !== last) return { problem: 'its backup is not in the last sector' };
  return readEntries(head, found, sectorSize, oldSize);
}

function readEntries(
  head: Uint8Array,
  found: Header,
  sectorSize: number,
  oldSize: number,
): Gpt | { problem: string } {
  const start = found.partitionEntryLba * BigInt(sectorSize);
  const end = start + BigInt(found.entryCount) * BigInt(found.entrySize);
  if (found.partitionEntryLba <= PRIMARY_LBA || end > head.length) {
    return { problem: 'its entries are not in the first MiB' };
  }
  const array = head.subarray(Number(start), Number(end));
  if (crc32(array) !== found.entryArrayCrc32) return { problem: 'its entries are damaged' };
  const entries = new Uint8Array(roundUp(array.length, sectorSize));
  entries.set(array);
  const backupStart = oldSize - sectorSize - entries.length;
  const usableEnd = (found.lastUsableLba + 1n) * BigInt(sectorSize);
  if (backupStart < end || backupStart < usableEnd) {
    return { problem: 'its backup overlaps what is before it' };
  }
  return { sectorSize, header: found, entries };
}

/** Whether a sector holds a primary header whose checksum is right. */
export function isSoundHeader(sector: Uint8Array): boolean {
  const { signature, headerSize, headerCrc32, myLba } = gptHeader.decode(sector);
  if (signature !== GPT_SIGNATURE || myLba !== PRIMARY_LBA) return false;
  if (headerSize < gptHeader.size || headerSize > sector.length) return false;
  return headerCrc(sector, headerSize) === headerCrc32;
}

/** A header sector that differs from another in these values. */
function encodeHeader(values: Header, model: Uint8Array): Uint8Array {
  const sector = model.slice();
  sector.set(gptHeader.encode(values));
  sector.set(gptHeader.encode({ ...values, headerCrc32: headerCrc(sector, values.headerSize) }));
  return sector;
}

function headerCrc(sector: Uint8Array, headerSize: number): number {
  const summed = sector.slice(0, headerSize);
  summed.set(gptHeader.encode({ ...gptHeader.decode(sector), headerCrc32: 0 }));
  return crc32(summed);
}

/** Has the protective record go on to the new end, if it went exactly to the old one. */
function growProtective(head: Uint8Array, oldSectors: number, newSectors: number): void {
  const { partitions, ...rest } = mbr.decode(head);
  const index = protectiveIndex(head);
  const record = recordAt(partitions, index);
  if (record.startingLba + record.sizeInLba !== oldSectors) return;
  const sizeInLba = Math.min(newSectors - record.startingLba, MAX_SIZE_IN_LBA);
  const exact = String(record.endingChs) === String(chs(oldSectors - 1));
  const endingChs = exact ? chs(newSectors - 1) : record.endingChs;
  partitions.set(
    partitionRecord.encode({ ...record, endingChs, sizeInLba }),
    index * partitionRecord.size,
  );
  head.set(mbr.encode({ ...rest, partitions }));
}

/** The address of a sector where a cylinder has 255 heads and a track 63 sectors; all ones past what it can tell. */
function chs(lba: number): Uint8Array {
  const cylinder = Math.floor(lba / (255 * 63));
  if (cylinder > 1023) return Uint8Array.of(0xff, 0xff, 0xff);
  const head = Math.floor(lba / 63) % 255;
  const sector = (lba % 63) + 1;
  return Uint8Array.of(head, ((cylinder >> 8) << 6) | sector, cylinder & 0xff);
}
