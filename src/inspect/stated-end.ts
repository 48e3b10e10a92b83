// Finds the size that a disk must have at least, from its partition table, or from the file system
// or volume at its start.

import { ascii, bytes, struct, u16, u32, u64, viewOf } from '../../formats/struct.ts';
import type { DiskView } from '../partitions/disk-view.ts';
import { OS_TYPE } from '../partitions/layout.ts';
import { findGpt } from '../partitions/gpt.ts';
import { protectiveIndex } from '../partitions/mbr.ts';
import { extSuperblock } from './ext4.ts';
import { isEmpty, partitionRecords } from './mbr-table.ts';

/** The lowest offset at which a disk can end. */
export interface StatedEnd {
  /** The structure that says so, with its article: "its GPT", "the XFS file system on it". */
  readonly what: string;
  /** In bytes from the start of the disk. */
  readonly end: number;
}

/** Bytes at the start of a disk that `statedEnd` reads. */
export const STATED_END_HEAD = 2 ** 18;

const MBR_SECTOR = 512;

/**
 * The size that a disk must have at least, from its first STATED_END_HEAD bytes; undefined if they
 * do not say. Throws only what the reader of the disk throws. A guest can write those bytes, so the
 * result may be any number.
 */
export async function statedEnd(disk: DiskView): Promise<StatedEnd | undefined> {
  return (await tableEnd(disk)) ?? (await fileSystemEnd(disk));
}

async function tableEnd(disk: DiskView): Promise<StatedEnd | undefined> {
  const records = partitionRecords(await disk.at(0, MBR_SECTOR));
  if (!records || isEmpty(records)) return undefined;
  if (protectiveIndex(records) !== -1) {
    const gpt = await findGpt(disk);
    const last = gpt && Number(gpt.header.alternateLba);
    if (gpt && last !== undefined) return { what: 'its GPT', end: (last + 1) * gpt.sectorSize };
  }
  const ends = records
    .filter(({ osType }) => osType !== 0 && osType !== OS_TYPE.gptProtective)
    .map(({ startingLba, sizeInLba }) => (startingLba + sizeInLba) * MBR_SECTOR);
  return ends.length === 0 ? undefined : { what: 'its MBR', end: Math.max(...ends) };
}

const EXT4_64BIT = 0x80;
const EXT4_MAX_LOG_BLOCK_SIZE = 6;

/** The beginning of the superblock of XFS; XFS Algorithms & Data Structures, "Superblocks". */
const xfs = struct('big', 16, { magic: [0, ascii(4)], blockSize: [4, u32], blocks: [8, u64] });

/**
 * The beginning of the boot sector of NTFS. Its copy lies in the sector after those that it counts.
 */
const ntfs = struct('little', 48, {
  jump: [0, bytes(3)],
  oemId: [3, ascii(8)],
  bytesPerSector: [11, u16],
  parameters: [13, bytes(27)],
  sectors: [40, u64],
});

/** The label of LVM2, in one of the first four sectors; lib/format_text/layout.h, label_header. */
const lvm = struct('little', 32, {
  id: [0, ascii(8)],
  sector: [8, u64],
  crc: [16, u32],
  headerOffset: [20, u32], // of pv_header, which begins with a uuid and the size in bytes
  type: [24, bytes(8)],
});
const LVM_UUID_SIZE = 32;
const LVM_SECTOR = 512;

async function fileSystemEnd(disk: DiskView): Promise<StatedEnd | undefined> {
  const first = await disk.at(0, 2048);
  return ext4End(first) ?? xfsEnd(first) ?? ntfsEnd(first) ?? lvmEnd(first);
}

function ext4End(first: Uint8Array): StatedEnd | undefined {
  const found = extSuperblock(first);
  if (!found || found.logBlockSize > EXT4_MAX_LOG_BLOCK_SIZE) return undefined;
  const { logBlockSize, blocksLow, blocksHigh, incompatible } = found;
  const high = (incompatible & EXT4_64BIT) === 0 ? 0 : blocksHigh;
  const end = (high * 2 ** 32 + blocksLow) * 2 ** (10 + logBlockSize);
  return { what: 'the ext4 file system on it', end };
}

function xfsEnd(first: Uint8Array): StatedEnd | undefined {
  const { magic, blockSize, blocks } = xfs.decode(first);
  if (magic !== 'XFSB') return undefined;
  return { what: 'the XFS file system on it', end: Number(blocks) * blockSize };
}

function ntfsEnd(first: Uint8Array): StatedEnd | undefined {
  const { oemId, bytesPerSector, sectors } = ntfs.decode(first);
  if (oemId !== 'NTFS    ') return undefined;
  return { what: 'the NTFS file system on it', end: (Number(sectors) + 1) * bytesPerSector };
}

function lvmEnd(first: Uint8Array): StatedEnd | undefined {
  for (let at = 0; at < first.length; at += LVM_SECTOR) {
    const sector = first.subarray(at, at + LVM_SECTOR);
    const { id, headerOffset } = lvm.decode(sector);
    if (id !== 'LABELONE' || headerOffset + LVM_UUID_SIZE + 8 > sector.length) continue;
    const end = Number(viewOf(sector).getBigUint64(headerOffset + LVM_UUID_SIZE, true));
    return { what: 'the LVM physical volume on it', end };
  }
  return undefined;
}
