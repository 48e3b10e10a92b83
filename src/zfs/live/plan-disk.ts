// Plans the export of one disk in use: what each of its partitions becomes.

import { ALLOCATABLE_OFFSET } from '../../../formats/zfs/free-space.ts';
import { LABEL_SIZE } from '../../../formats/zfs/label.ts';
import { roundDown } from '../../../formats/rounding.ts';
import {
  type DeviceLayer,
  type HostDisk,
  type HostPartition,
  layersBelow,
} from '../../host/host-disk.ts';
import type { Mount } from '../../host/mounts.ts';
import { inspectDisk } from '../../inspect/inspect-disk.ts';
import { OS_TYPE, TYPE_GUID, typeText } from '../../partitions/layout.ts';
import type { ReadAt } from '../../partitions/disk-view.ts';
import { openDirect, readerOf } from '../../live/direct-disk.ts';
import type { DiskExtent } from '../../live/disk-extents.ts';
import type { LivePool } from './live-pools.ts';
import { gapsOf } from '../../live/gaps.ts';
import { type BesidePartitions, inspectBeside } from '../../live/beside.ts';

/** What is copied of a disk besides what is in use. */
export interface CopyOptions {
  /** Copies the content of swap partitions. */
  readonly includeSwap?: boolean | undefined;
  /** Copies the gaps between partitions, and the free space of pools. */
  readonly allSectors?: boolean | undefined;
}

/** What an export will do with a disk in use. */
export interface DiskPlan extends BesidePartitions {
  /** The disk to export. */
  readonly disk: HostDisk;
  /** What it is made of if it is a device of LUKS, LVM or md, from the top down. */
  readonly layers: readonly DeviceLayer[];
  /** Whether it has an EFI system partition, or one with a boot loader for BIOS. */
  readonly boots: boolean;
  /** Caches and idle spares of pools, of which only the labels are copied. */
  readonly idle: readonly HostPartition[];
  /** Extents that are written as zeros, ascending. */
  readonly zeros: readonly DiskExtent[];
}

/**
 * Inspects all that is on a disk whose pools are known. Throws a KexportError if it cannot be read.
 */
export async function planDisk(
  disk: HostDisk,
  pools: readonly LivePool[],
  mounts: readonly Mount[],
  options: CopyOptions,
): Promise<DiskPlan> {
  const direct = await openDirect(disk.path);
  try {
    const read = readerOf(direct, disk.size);
    const inPools = new Set(pools.flatMap(({ vdevs }) => vdevs.map(({ path }) => path)));
    const idle = pools.flatMap((pool) => pool.idle.filter((part) => part.disk === disk.path));
    for (const { path } of idle) inPools.add(path);
    // If the whole disk is a vdev, a partition table on it is a remnant, since ZFS never writes to
    // the place where one begins.
    const isWholeVdev = inPools.has(disk.path);
    const others = isWholeVdev ? [] : disk.partitions.filter(({ path }) => !inPools.has(path));
    const beside = await inspectBeside(direct, others, mounts, options.includeSwap ?? false);
    const zeros: DiskExtent[] = options.allSectors || isWholeVdev ? [] : await gapsOf(disk, read);
    zeros.push(...beside.zeros);
    if (!options.allSectors) zeros.push(...idle.map(betweenLabels));
    return {
      disk,
      layers: await layersBelow(disk.path),
      boots: !isWholeVdev && (await hasBootLoader(read, disk.size)),
      ...beside,
      idle,
      zeros: zeros.sort((one, other) => one.start - other.start),
    };
  } finally {
    await direct.close();
  }
}

/** What a device of a pool has besides its labels. */
function betweenLabels({ diskOffset, size }: HostPartition): DiskExtent {
  const end = roundDown(size, LABEL_SIZE) - 2 * LABEL_SIZE;
  return { start: diskOffset + ALLOCATABLE_OFFSET, end: diskOffset + end };
}

const BOOT_TYPES: readonly string[] = [TYPE_GUID.esp, TYPE_GUID.biosBoot, typeText(OS_TYPE.esp)];

/** Whether firmware may start what is on the disk. */
async function hasBootLoader(read: ReadAt, size: number): Promise<boolean> {
  const { table, bootCode } = await inspectDisk(read, size);
  if (table.partitions.some(({ type }) => BOOT_TYPES.includes(type))) return true;
  return table.kind === 'mbr' && bootCode;
}
