// Plans the export of one disk in use: what each of its partitions becomes.

import { readFile } from 'node:fs/promises';
import { ALLOCATABLE_OFFSET } from '../../../formats/zfs/free-space.ts';
import { LABEL_SIZE } from '../../../formats/zfs/label.ts';
import { roundDown } from '../../../formats/rounding.ts';
import {
  holdersOf,
  type HostDisk,
  type HostPartition,
  type DeviceLayer,
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
import { MAX_COPY_SIZE, type MountedPartition, mountedOn } from '../../live/mounted-copy.ts';
import { swapHeaderSize } from '../../live/swap.ts';

/** What is copied of a disk besides what is in use. */
export interface CopyOptions {
  /** Copies the content of swap partitions. */
  readonly includeSwap?: boolean | undefined;
  /** Copies the gaps between partitions, and the free space of pools. */
  readonly allSectors?: boolean | undefined;
}

/** A partition that other devices use. */
export interface StackedPartition extends HostPartition {
  /** Their names, `dm-0`. */
  readonly holders: readonly string[];
}

/** What an export will do with a disk in use. */
export interface DiskPlan {
  /** The disk to export. */
  readonly disk: HostDisk;
  /** What it is made of if it is a device of LUKS, LVM or md, from the top down. */
  readonly layers: readonly DeviceLayer[];
  /** Whether it has an EFI system partition, or one with a boot loader for BIOS. */
  readonly boots: boolean;
  /** Mounted file systems that are copied at the instant of the checkpoints. */
  readonly mounted: readonly MountedPartition[];
  /** Mounted file systems that are too large for that, so that they are copied while in use. */
  readonly live: readonly MountedPartition[];
  /** Swap partitions, of which only the header is copied. */
  readonly swaps: readonly HostPartition[];
  /** Caches and idle spares of pools, of which only the labels are copied. */
  readonly idle: readonly HostPartition[];
  /** Partitions that LUKS, LVM or md use. They are copied while in use. */
  readonly stacked: readonly StackedPartition[];
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
    const mountedHere = others.flatMap((partition) => mountedOn(partition, mounts));
    const swaps: HostPartition[] = [];
    const zeros: DiskExtent[] = options.allSectors || isWholeVdev ? [] : await gapsOf(disk, read);
    const swapsInUse = await readFile('/proc/swaps', 'latin1');
    for (const partition of others) {
      // A mounted partition may have been swap before: its file system need not have overwritten
      // the header of swap.
      const isMounted = mountedHere.some(({ path }) => path === partition.path);
      const header =
        options.includeSwap || isMounted
          ? undefined
          : await swapHeaderSize(direct, partition, swapsInUse);
      if (header === undefined) continue;
      swaps.push(partition);
      const { diskOffset, size } = partition;
      zeros.push({ start: diskOffset + header, end: diskOffset + size });
    }
    if (!options.allSectors) zeros.push(...idle.map(betweenLabels));
    return {
      disk,
      layers: await layersBelow(disk.path),
      boots: !isWholeVdev && (await hasBootLoader(read, disk.size)),
      stacked: (await Promise.all(others.map(stackedOn))).flat(),
      mounted: mountedHere.filter(({ size }) => size <= MAX_COPY_SIZE),
      live: mountedHere.filter(({ size }) => size > MAX_COPY_SIZE),
      swaps,
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

async function stackedOn(partition: HostPartition): Promise<StackedPartition[]> {
  const holders = await holdersOf(partition);
  return holders.length === 0 ? [] : [{ ...partition, holders }];
}
