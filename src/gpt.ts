// The GUID Partition Table of a disk whose end moves. On disk, in sectors of 512 or 4096 bytes:
//   protective MBR, primary header, entries    as a rule right behind one another
//   partitions
//   a copy of the entries, backup header       the last sectors
// Specification: UEFI 2.10, chapter 5. All numbers are little-endian.

import { ascii, bytes, struct, u16, u32, u64, u8 } from '../formats/struct.ts';
import { crc32 } from './crc32.ts';

/** Bytes at the start of a disk in which `moveBackupGpt` expects the primary GPT. */
export const GPT_HEAD_SIZE = 2 ** 20;

/** Bytes that replace those of the disk from an offset on. */
export interface Edit {
  readonly diskOffset: number;
  readonly bytes: Uint8Array;
}

/** What became of a GPT: the edits to make, one after the other, or why it is better left alone. */
export type GptMove = { readonly edits: readonly [...Edit[], Edit] } | { readonly problem: string };

/** "GPT Header", table 5.5. Its sector may go on with more that the header's size and checksum take in. */
const header = struct('little', 92, {
  signature: [0, ascii(8)],
  revision: [8, u32],
  headerSize: [12, u32], // bytes
  headerCrc32: [16, u32], // computed while it is zero
  reserved: [20, u32],
  myLba: [24, u64],
  alternateLba: [32, u64], // of the other header
  firstUsableLba: [40, u64],
  lastUsableLba: [48, u64],
  diskGuid: [56, bytes(16)],
  partitionEntryLba: [72, u64],
  entryCount: [80, u32],
  entrySize: [84, u32], // bytes
  entryArrayCrc32: [88, u32],
});
type Header = ReturnType<typeof header.decode>;

const SIGNATURE = 'EFI PART';
const PRIMARY_LBA = 1n;

/** Of a disk as its partitioner saw it, in bytes: nothing on the disk tells it. */
const SECTOR_SIZES = [512, 4096];

/** "Legacy MBR", table 5.1. */
const mbr = struct('little', 512, {
  bootCode: [0, bytes(440)],
  diskSignature: [440, u32],
  unknown: [444, u16],
  partitions: [446, bytes(4 * 16)],
  signature: [510, u16],
});

/** "Legacy MBR Partition Record", table 5.2. */
const partition = struct('little', 16, {
  bootIndicator: [0, u8],
  startingChs: [1, bytes(3)],
  osType: [4, u8],
  endingChs: [5, bytes(3)],
  startingLba: [8, u32],
  sizeInLba: [12, u32],
});

const MBR_SIGNATURE = 0xaa55;
const GPT_PROTECTIVE = 0xee;
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
  return [0, 1, 2, 3].findIndex((index) => recordAt(partitions, index).osType === GPT_PROTECTIVE);
}

function recordAt(partitions: Uint8Array, index: number): ReturnType<typeof partition.decode> {
  return partition.decode(partitions.subarray(index * partition.size));
}

/** Reads and checks the primary GPT: what passes may be rewritten. */
function readGpt(head: Uint8Array, oldSize: number, newSize: number): Gpt | { problem: string } {
  const sectorSize = SECTOR_SIZES.find((size) => isSound(head.subarray(size, 2 * size)));
  if (!sectorSize) return { problem: 'its primary header is missing or damaged' };
  const found = header.decode(head.subarray(sectorSize));
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
  const entries = new Uint8Array(Math.ceil(array.length / sectorSize) * sectorSize);
  entries.set(array);
  const backupStart = oldSize - sectorSize - entries.length;
  const usableEnd = (found.lastUsableLba + 1n) * BigInt(sectorSize);
  if (backupStart < end || backupStart < usableEnd) {
    return { problem: 'its backup overlaps what is before it' };
  }
  return { sectorSize, header: found, entries };
}

function isSound(sector: Uint8Array): boolean {
  const { signature, headerSize, headerCrc32, myLba } = header.decode(sector);
  if (signature !== SIGNATURE || myLba !== PRIMARY_LBA) return false;
  if (headerSize < header.size || headerSize > sector.length) return false;
  return headerCrc(sector, headerSize) === headerCrc32;
}

/** A header sector that differs from another in these values. */
function encodeHeader(values: Header, model: Uint8Array): Uint8Array {
  const sector = model.slice();
  sector.set(header.encode(values));
  sector.set(header.encode({ ...values, headerCrc32: headerCrc(sector, values.headerSize) }));
  return sector;
}

function headerCrc(sector: Uint8Array, headerSize: number): number {
  const summed = sector.slice(0, headerSize);
  summed.set(header.encode({ ...header.decode(sector), headerCrc32: 0 }));
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
  partitions.set(partition.encode({ ...record, endingChs, sizeInLba }), index * partition.size);
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
