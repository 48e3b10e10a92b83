// Plans the partitions of a golden image: those of the source's disk, with that of the pool resized
// and what follows it moved, under GUIDs of their own.
//
//   protective MBR with its boot code, primary header, entries
//   partitions before the pool    where they are on the source
//   the pool                      begins where it does on the source
//   partitions after the pool     moved by as much as the pool grows or shrinks
//   a copy of the entries, backup header

import { FormatError } from '../../../formats/index.ts';
import { roundUp } from '../../../formats/rounding.ts';
import { encodeHeader, type Gpt } from '../../partitions/gpt.ts';
import { gptEntry, guidText, mbr, partitionRecord, TYPE_GUID } from '../../partitions/layout.ts';
import { mbrRecords, protectiveIndex } from '../../partitions/mbr.ts';
import type { Edit } from '../../partitions/move-backup-gpt.ts';
import { crc32 } from '../../runtime/crc32.ts';

/** The partition table of a disk as it was read. */
export interface SourceTable extends Gpt {
  /** The first two sectors: the MBR and the primary header. */
  readonly start: Uint8Array;
  /** The entries of the GPT, all that the header counts. */
  readonly entries: Uint8Array;
  /** Size of the disk in bytes. */
  readonly diskSize: number;
}

/** A partition of the image; offsets and sizes in bytes. */
export interface GoldenPartition {
  /** From 1, the same as on the source. */
  readonly index: number;
  /** Its type, a GUID in capitals. */
  readonly type: string;
  /** Its GUID on the source, in capitals. */
  readonly guid: string;
  /** Where it begins on the source. */
  readonly sourceOffset: number;
  readonly sourceSize: number;
  /** Where it begins in the image. */
  readonly diskOffset: number;
  readonly size: number;
}

/** The partitions of an image. */
export interface GoldenLayout {
  readonly diskSize: number;
  readonly sectorSize: number;
  /** In the order of the table. */
  readonly partitions: readonly GoldenPartition[];
  /** That of the pool, which is among `partitions`. */
  readonly pool: GoldenPartition;
}

/** What partitions are aligned to, in bytes: that of every partitioning program of today. */
export const ALIGNMENT = 2 ** 20;

/** The new GUID of a partition, 16 bytes, the same at each call; of index 0, that of the disk. */
export type GuidOf = (index: number) => Uint8Array;

/**
 * Plans an image of `diskSize` bytes, a multiple of ALIGNMENT, by default as large as the source.
 * The pool may get no room at all: compare with `diskSizeFor`. Throws a FormatError if the table
 * has no partition `poolIndex`, or if a partition would have to move that cannot.
 */
export function planLayout(
  table: SourceTable,
  poolIndex: number,
  diskSize = table.diskSize,
): GoldenLayout {
  const found = partitionsOf(table);
  const pool = found.find(({ index }) => index === poolIndex);
  if (!pool) throw new FormatError('damaged', `its GPT has no partition ${poolIndex}`);
  const isAfter = ({ sourceOffset }: GoldenPartition) => sourceOffset > pool.sourceOffset;
  const isSame = diskSize === table.diskSize;
  const room = diskSize - backupSize(table) - lastEnd(found, pool); // negative if the disk shrinks
  const growth = isSame ? 0 : Math.floor(room / ALIGNMENT) * ALIGNMENT;
  const bound =
    growth !== 0 && found.find((one) => isAfter(one) && one.type === TYPE_GUID.biosBoot);
  if (bound) {
    const why = 'its boot code in the MBR says where that is';
    const what = `partition ${bound.index}, for booting by a BIOS, lies behind the pool`;
    throw new FormatError('unsupported', `${what} and cannot move: ${why}`);
  }
  const partitions = found.map((one): GoldenPartition => {
    if (one.index === poolIndex) return { ...one, size: Math.max(0, one.sourceSize + growth) };
    return isAfter(one) ? { ...one, diskOffset: one.sourceOffset + growth } : one;
  });
  const planned = partitions.find(({ index }) => index === poolIndex)!; // `pool` was there
  return { diskSize, sectorSize: table.sectorSize, partitions, pool: planned };
}

/** The size of a disk whose pool partition has `poolSize` bytes or more, in whole MiB. */
export function diskSizeFor(table: SourceTable, layout: GoldenLayout, poolSize: number): number {
  const { pool, partitions } = layout;
  const tail = lastEnd(partitions, pool) - endOf(pool) + backupSize(table);
  // One more for what `planLayout` rounds down.
  return roundUp(pool.diskOffset + poolSize + tail, ALIGNMENT) + ALIGNMENT;
}

/** Where the last partition ends on the source that does not lie before the pool. */
function lastEnd(partitions: readonly GoldenPartition[], pool: GoldenPartition): number {
  const after = partitions.filter(({ sourceOffset }) => sourceOffset >= pool.sourceOffset);
  return Math.max(...after.map(endOf));
}

function endOf({ sourceOffset, sourceSize }: GoldenPartition): number {
  return sourceOffset + sourceSize;
}

/**
 * The partition table of the image, with new GUIDs; with `only`, a table of that partition alone,
 * without its name, for the time in which this machine sees it.
 */
export function encodeTable(
  table: SourceTable,
  layout: GoldenLayout,
  guidOf: GuidOf,
  only?: GoldenPartition,
): readonly [Edit, Edit, Edit] {
  const { sectorSize, header } = table;
  const { entrySize } = header;
  const entries = new Uint8Array(roundUp(table.entries.length, sectorSize));
  for (const one of only ? [only] : layout.partitions) {
    const place = (one.index - 1) * entrySize;
    const entry = table.entries.subarray(place, place + entrySize);
    entries.set(entry, place); // entries may be larger than the fields that are known
    const fields = gptEntry.decode(entry);
    const startingLba = BigInt(one.diskOffset / sectorSize);
    const endingLba = startingLba + BigInt(one.size / sectorSize) - 1n;
    const name = only ? new Uint8Array(fields.name.length) : fields.name;
    entries.set(
      gptEntry.encode({ ...fields, uniqueGuid: guidOf(one.index), startingLba, endingLba, name }),
      place,
    );
  }
  const lastLba = BigInt(layout.diskSize / sectorSize) - 1n;
  const entrySectors = BigInt(entries.length / sectorSize);
  const primary = {
    ...header,
    diskGuid: guidOf(0),
    alternateLba: lastLba,
    lastUsableLba: lastLba - entrySectors - 1n,
    entryArrayCrc32: crc32(entries.subarray(0, table.entries.length)),
  };
  const backup = {
    ...primary,
    myLba: lastLba,
    alternateLba: header.myLba,
    partitionEntryLba: lastLba - entrySectors,
  };
  const start = table.start.slice();
  const sector = start.subarray(sectorSize, 2 * sectorSize);
  protect(start, layout.diskSize / sectorSize);
  const end = new Uint8Array(entries.length + sectorSize);
  end.set(entries);
  end.set(encodeHeader(backup, sector), entries.length);
  sector.set(encodeHeader(primary, sector));
  return [
    { diskOffset: 0, bytes: start },
    { diskOffset: Number(header.partitionEntryLba) * sectorSize, bytes: entries },
    { diskOffset: layout.diskSize - end.length, bytes: end },
  ];
}

function partitionsOf({ entries, header, sectorSize }: SourceTable): GoldenPartition[] {
  const found: GoldenPartition[] = [];
  for (let index = 0; index < header.entryCount; index++) {
    const place = index * header.entrySize;
    const entry = gptEntry.decode(entries.subarray(place, place + header.entrySize));
    const type = guidText(entry.partitionType);
    if (type === TYPE_GUID.unused) continue;
    const diskOffset = Number(entry.startingLba) * sectorSize;
    const size = Number(entry.endingLba - entry.startingLba + 1n) * sectorSize;
    found.push({
      ...{ index: index + 1, type, guid: guidText(entry.uniqueGuid) },
      ...{ sourceOffset: diskOffset, sourceSize: size, diskOffset, size },
    });
  }
  return found;
}

/** The backup of the table takes that many bytes at the end of a disk. */
function backupSize({ entries, sectorSize }: SourceTable): number {
  return roundUp(entries.length, sectorSize) + sectorSize;
}

const MAX_SIZE_IN_LBA = 0xffffffff;

/** Has the record that protects the GPT end with a disk of that size. Changes `start`. */
function protect(start: Uint8Array, sectorCount: number): void {
  const records = mbrRecords(start) ?? [];
  const index = protectiveIndex(records);
  const record = records[index];
  if (!record) return;
  const sizeInLba = Math.min(sectorCount - record.startingLba, MAX_SIZE_IN_LBA);
  const endingChs = Uint8Array.of(0xff, 0xff, 0xff); // "a value that cannot be represented"
  const { partitions, ...rest } = mbr.decode(start);
  const encoded = partitionRecord.encode({ ...record, sizeInLba, endingChs });
  partitions.set(encoded, index * partitionRecord.size);
  start.set(mbr.encode({ ...rest, partitions }));
}

/** Random GUIDs, version 4 (RFC 9562). */
export function newGuids(): GuidOf {
  const made = new Map<number, Uint8Array>();
  return (index) => {
    const guid = made.get(index) ?? randomGuid();
    made.set(index, guid);
    return guid;
  };
}

/** As GPT stores it: its first three numbers are little-endian. */
function randomGuid(): Uint8Array {
  const guid = crypto.getRandomValues(new Uint8Array(16));
  guid[7] = (guid[7]! & 0x0f) | 0x40; // the version, in the upper half of the third number
  guid[8] = (guid[8]! & 0x3f) | 0x80; // the variant
  return guid;
}
