// What a disk keeps of its machine: the names by which it and its file systems are known, and
// those of the machine, where its files can be read.

import { viewOf } from '../../formats/struct.ts';
import { type DiskView, diskView, partView, type ReadAt } from '../partitions/disk-view.ts';
import { findGpt, readEntries } from '../partitions/gpt.ts';
import { gptEntry, guidText, mbr } from '../partitions/layout.ts';
import type { Content, DiskFacts, Partition } from './disk-facts.ts';
import { openExt } from './ext4-files.ts';
import { machineFiles, type MachineFiles } from './machine-files.ts';

/** The identity of a disk. */
export interface DiskIdentity {
  /** GUID of the GPT, in capitals; undefined without one. */
  readonly diskGuid: string | undefined;
  /** Signature of the MBR, eight hexadecimal digits; undefined if it is 0. */
  readonly diskSignature: string | undefined;
  /** One for each partition; of a disk without a partition table, one for all of it. */
  readonly volumes: readonly VolumeIdentity[];
}

/** The identity of a partition, or of a disk without a partition table. */
export interface VolumeIdentity {
  /** From 1; undefined of a whole disk. */
  readonly index: number | undefined;
  /** GUID of the partition in a GPT, in capitals. */
  readonly guid: string | undefined;
  /** What it holds. */
  readonly content: Content | undefined;
  /** UUID of its file system, or the serial number of FAT (`1A2B-3C4D`) and NTFS. */
  readonly uuid: string | undefined;
  /** What its files say of the machine, if it is a root file system that can be read. */
  readonly machine: MachineFiles | undefined;
}

/** Partitions that are looked into. Limit of this program. */
const MAX_VOLUMES = 128;

/**
 * Reads the identity of a disk of `size` bytes, of which `withContents` has found `facts`. Throws
 * only what `read` throws.
 */
export async function diskIdentity(
  facts: DiskFacts,
  read: ReadAt,
  size: number,
): Promise<DiskIdentity> {
  const disk = diskView(read, size);
  const { guid: diskGuid, partitions: guids } = await gptGuids(disk);
  const { diskSignature } = mbr.decode(await disk.at(0, mbr.size));
  const isPartitioned = facts.table.kind !== 'none';
  const volumes: VolumeIdentity[] = [];
  for (const part of facts.table.partitions.slice(0, MAX_VOLUMES)) {
    volumes.push(await partitionIdentity(disk, part, guids.get(part.index)));
  }
  if (!isPartitioned && facts.content) {
    volumes.push({
      ...(await volumeIdentity(disk, facts.content)),
      index: undefined,
      guid: undefined,
    });
  }
  const hasSignature = isPartitioned && diskSignature !== 0;
  return { diskGuid, diskSignature: hasSignature ? hex(diskSignature, 8) : undefined, volumes };
}

async function gptGuids(disk: DiskView) {
  const gpt = await findGpt(disk);
  const array = gpt && (await readEntries(disk, gpt));
  const partitions = new Map<number, string>();
  if (!gpt || !array || 'problem' in array) return { guid: undefined, partitions };
  const { entrySize, diskGuid } = gpt.header;
  for (let index = 0; index < array.length / entrySize; index++) {
    const { uniqueGuid } = gptEntry.decode(array.subarray(index * entrySize));
    partitions.set(index + 1, guidText(uniqueGuid));
  }
  return { guid: guidText(diskGuid), partitions };
}

async function partitionIdentity(
  disk: DiskView,
  { index, diskOffset, size, content }: Partition,
  guid: string | undefined,
): Promise<VolumeIdentity> {
  const view = partView(disk, diskOffset, size);
  return { ...(await volumeIdentity(view, content)), index, guid };
}

async function volumeIdentity(view: DiskView, content: Content | undefined) {
  const files = content && content.kind.startsWith('ext') ? await openExt(view) : undefined;
  const uuid = content && (await uuidOf(view, content.kind));
  return { content, uuid, machine: files && (await machineFiles(files)) };
}

/** Where file systems have their UUID, as 16 bytes in the order of its text. */
const UUID_AT: Readonly<Record<string, number>> = {
  ext2: 1024 + 104,
  ext3: 1024 + 104,
  ext4: 1024 + 104,
  xfs: 32,
  btrfs: 65_536 + 32,
  f2fs: 1024 + 108,
  swap: 1024 + 12,
  raid: 4096 + 16, // of the array; md superblock 1.2
};

/** Where FAT and NTFS have a serial number, in bytes, and how many those are. */
const SERIAL_AT: Readonly<Record<string, readonly [offset: number, length: number]>> = {
  fat12: [39, 4],
  fat16: [39, 4],
  fat32: [67, 4],
  exfat: [100, 4],
  ntfs: [72, 8],
};

/** LUKS has its UUID as text. */
const LUKS_UUID = [168, 40] as const;

async function uuidOf(view: DiskView, kind: string): Promise<string | undefined> {
  const at = UUID_AT[kind];
  if (at !== undefined) {
    const digits = Buffer.from(await view.at(at, 16)).toString('hex');
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }
  if (kind === 'luks') {
    const text = Buffer.from(await view.at(...LUKS_UUID)).toString('latin1');
    return text.split('\0', 1)[0];
  }
  const [offset, length] = SERIAL_AT[kind] ?? [];
  if (offset === undefined || length === undefined) return undefined;
  const serial = viewOf(await view.at(offset, length));
  if (length === 8)
    return serial.getBigUint64(0, true).toString(16).padStart(16, '0').toUpperCase();
  const digits = hex(serial.getUint32(0, true), 8).toUpperCase();
  return `${digits.slice(0, 4)}-${digits.slice(4)}`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}
