// Plans the export of a disk in use, without changing anything.

import { readFile } from 'node:fs/promises';
import { KexportError } from '../../errors.ts';
import {
  holdersOf,
  type HostDisk,
  hostDisk,
  type HostPartition,
  layerBelow,
} from '../../host/host-disk.ts';
import { diskView, type ReadAt } from '../../partitions/disk-view.ts';
import { gptTable } from '../../inspect/gpt-table.ts';
import { listMounts, type Mount, rootMount } from '../../host/mounts.ts';
import { poolOf } from '../names.ts';
import { zpool } from '../run.ts';
import { type DirectDisk, openDirect, readAnywhere } from './direct-disk.ts';
import { type LivePool, poolsOn, poolStatuses } from './live-pools.ts';
import { MAX_COPY_SIZE, type MountedPartition } from './mounted-copy.ts';
import { devicesOf } from './pool-shape.ts';
import { parsePoolStatus } from './pool-status.ts';
import { swapHeaderSize } from './swap.ts';

/** How a disk in use is exported. */
export interface LiveOptions {
  /** A device. Default: the disk of the pool that `/` is on. */
  readonly disk?: string | undefined;
  /** Copies the content of swap partitions. */
  readonly includeSwap?: boolean | undefined;
  /** Copies the gaps between partitions, and the free space of pools. */
  readonly allSectors?: boolean | undefined;
}

/** An extent of the disk in bytes. */
export interface DiskExtent {
  /** The first byte. */
  readonly start: number;
  /** The byte after the last. */
  readonly end: number;
}

/** A partition that other devices use. */
export interface StackedPartition extends HostPartition {
  /** Their names, `dm-0`. */
  readonly holders: readonly string[];
}

/** What an export of a disk in use will do. */
export interface LivePlan {
  /** The disk to export. */
  readonly disk: HostDisk;
  /** The pools on the disk, each of which is exported as of a checkpoint. */
  readonly pools: readonly LivePool[];
  /** Mounted file systems that are copied at the instant of the checkpoints. */
  readonly mounted: readonly MountedPartition[];
  /** Mounted file systems that are too large for that, so that they are copied while in use. */
  readonly live: readonly MountedPartition[];
  /** Swap partitions, of which only the header is copied. */
  readonly swaps: readonly HostPartition[];
  /** Partitions that LUKS, LVM or md use. They are copied while in use. */
  readonly stacked: readonly StackedPartition[];
  /** Whether the gaps between partitions and the free space of pools are copied too. */
  readonly allSectors: boolean;
  /** Extents that are written as zeros, ascending. */
  readonly zeros: readonly DiskExtent[];
}

/**
 * Finds the disk and inspects all that is on it. Throws a KexportError if the disk cannot be
 * exported while in use.
 */
export async function planLiveExport(options: LiveOptions = {}): Promise<LivePlan> {
  const mounts = await listMounts();
  const disk = await findDisk(options.disk);
  const pools = await poolsOn(disk, await poolStatuses());
  const direct = await openDirect(disk.path);
  try {
    const inPools = new Set(pools.flatMap(({ vdevs }) => vdevs.map(({ path }) => path)));
    // If the whole disk is a vdev, a partition table on it is a remnant, since ZFS never writes to
    // the place where one begins.
    const isWholeVdev = inPools.has(disk.path);
    const others = isWholeVdev ? [] : disk.partitions.filter(({ path }) => !inPools.has(path));
    const mountedHere = others.flatMap((partition) => mountedOn(partition, mounts));
    const swaps: HostPartition[] = [];
    const zeros: DiskExtent[] = options.allSectors || isWholeVdev ? [] : await gapsOf(disk, direct);
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
    return {
      disk,
      pools,
      stacked: (await Promise.all(others.map(stackedOn))).flat(),
      mounted: mountedHere.filter(({ size }) => size <= MAX_COPY_SIZE),
      live: mountedHere.filter(({ size }) => size > MAX_COPY_SIZE),
      swaps,
      allSectors: options.allSectors ?? false,
      zeros: zeros.sort((one, other) => one.start - other.start),
    };
  } finally {
    await direct.close();
  }
}

/** The pool that `/` is on; undefined if it is not on ZFS. */
export async function rootPool(): Promise<string | undefined> {
  const root = await rootMount();
  return root?.type === 'zfs' ? poolOf(root.source) : undefined;
}

async function findDisk(device: string | undefined): Promise<HostDisk> {
  if (device !== undefined) {
    const disk = await plainDisk(device, '');
    if (disk) return disk;
    throw new KexportError('source', `${device} is not a disk of this machine`, {
      hint: 'see lsblk',
    });
  }
  const pool = await rootPool();
  if (pool === undefined) {
    throw new KexportError('usage', "no disk is named, and this machine's root is not on ZFS");
  }
  const { topLevel } = parsePoolStatus(await zpool(['status', '-PL', pool]));
  const devices = topLevel.flatMap(devicesOf).map(({ name }) => name);
  for (const path of devices) {
    const disk = await plainDisk(path, `pool ${pool} is on `);
    if (disk) return disk;
  }
  throw new KexportError(
    'source',
    `pool ${pool} lies on no disk of this machine: ${devices.join(', ')}`,
  );
}

/** The disk of a device. Throws a KexportError for a device of a layer such as LUKS. */
async function plainDisk(device: string, context: string): Promise<HostDisk | undefined> {
  const layer = await layerBelow(device);
  if (!layer) return hostDisk(device);
  const found = `${context}${device}, which is ${layer.kind} on ${layer.devices.join(', ')}`;
  throw new KexportError('source', `${found}: only disks are exported while in use`, {
    hint: 'export its volumes one by one, or replicate the pool with zfs send',
  });
}

async function stackedOn(partition: HostPartition): Promise<StackedPartition[]> {
  const holders = await holdersOf(partition);
  return holders.length === 0 ? [] : [{ ...partition, holders }];
}

/** The first mount of a partition; none if it is not mounted. */
export function mountedOn(partition: HostPartition, mounts: readonly Mount[]): MountedPartition[] {
  const found = mounts.find(
    ({ device, source }) => device === partition.number || source === partition.path,
  );
  return found ? [{ ...partition, mountPoint: found.mountPoint, type: found.type }] : [];
}

/**
 * Bytes at both ends of the disk that are always copied: boot loaders use the space before the
 * first partition, and the backup GPT lies after the last.
 */
const MARGIN = 2 ** 20;

/** The extents between the partitions of a GPT. */
async function gapsOf(disk: HostDisk, direct: DirectDisk): Promise<DiskExtent[]> {
  const read: ReadAt = async (diskOffset, buffer) => {
    buffer.set(await readAnywhere(direct, diskOffset, buffer.length, disk.size));
    return buffer.length;
  };
  const gpt = await gptTable(diskView(read, disk.size));
  const known = new Set(disk.partitions.map(({ diskOffset, size }) => `${diskOffset} ${size}`));
  // If the kernel sees other partitions, what seems a gap may be in use.
  const agrees = gpt?.partitions.every(({ diskOffset, size }) =>
    known.has(`${diskOffset} ${size}`),
  );
  if (!agrees || gpt?.problem !== undefined) return [];
  const gaps: DiskExtent[] = [];
  let start = MARGIN;
  for (const { diskOffset, size } of disk.partitions) {
    if (diskOffset > start) gaps.push({ start, end: diskOffset });
    start = Math.max(start, diskOffset + size);
  }
  const end = disk.size - MARGIN;
  return end > start ? [...gaps, { start, end }] : gaps;
}
