import type { PoolState } from '../../formats/zfs/pool-label.ts';

/** Facts from `inspectDisk` that decide whether a disk boots on another machine. */
export interface DiskFacts {
  /** Its partitions. */
  readonly table: PartitionTable;
  /**
   * Says that the disk ends before its partition table or its file system does; undefined if it
   * does not.
   */
  readonly cutOff: string | undefined;
  /** Whether the MBR has boot code, which a BIOS starts. */
  readonly bootCode: boolean;
  /** What a disk without a partition table begins with; undefined if unknown. */
  readonly content: Content | undefined;
}

/** What a partition, or a disk without a partition table, holds: as it says of itself. */
export interface Content {
  /** One word, such as `ext4`, `zfs`, `lvm`, `luks`, `swap`. */
  readonly kind: string;
  /** For people, with its article: "an ext4 file system". */
  readonly title: string;
  /** Of a ZFS pool. */
  readonly pool?: PoolFacts | undefined;
}

/** A ZFS pool, as its label on the disk describes it. */
export interface PoolFacts {
  /** Undefined of a spare or a cache device. */
  readonly name: string | undefined;
  /** In decimal, as ZFS writes it; undefined likewise. */
  readonly guid: string | undefined;
  /** `active`: not exported by the host that had it imported. */
  readonly state: PoolState | undefined;
  /** That host, where the label names it. */
  readonly hostname: string | undefined;
  /** Its hostid as `hostid` prints it, likewise. */
  readonly hostid: string | undefined;
}

/** A partition table as other programs read it. */
export interface PartitionTable {
  /** A protective MBR beside a GPT is `gpt`. */
  readonly kind: 'gpt' | 'mbr' | 'none';
  /** Why other programs refuse the table or a part of it; a clause about it. */
  readonly problem: string | undefined;
  /** The partitions that are in use and lie on the disk, in the order of the table. */
  readonly partitions: readonly Partition[];
}

/** One partition. */
export interface Partition {
  /** From 1, as Linux counts. */
  readonly index: number;
  /** In a GPT, a GUID in capitals; in an MBR, a number such as `0x83`. `typeName` has words. */
  readonly type: string;
  /** In bytes. */
  readonly diskOffset: number;
  /** In bytes. */
  readonly size: number;
  /**
   * In a GPT, its name, which may be any text; in an MBR, `extended` if it contains more
   * partitions, which are not listed.
   */
  readonly name: string;
  /** Facts of an EFI system partition; for the first MAX_ESPS of a disk. */
  readonly esp?: EspFacts | undefined;
  /** What it holds, as far as `withContents` was asked and knows. */
  readonly content?: Content | undefined;
}

/** What firmware finds in an EFI system partition. */
export interface EspFacts {
  /** Bits of an entry in its file allocation table; undefined if it is not a FAT file system. */
  readonly fat: 12 | 16 | 32 | undefined;
  /** The removable-media boot files in \EFI\BOOT, such as `BOOTX64.EFI`. */
  readonly bootFiles: readonly string[];
}
