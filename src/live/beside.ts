// Looks at the partitions of a disk in use that neither a pool nor a volume group has.

import { readFile } from 'node:fs/promises';
import { holdersOf, type HostPartition } from '../host/host-disk.ts';
import type { Mount } from '../host/mounts.ts';
import type { DirectDisk } from './direct-disk.ts';
import type { DiskExtent } from './disk-extents.ts';
import { MAX_COPY_SIZE, type MountedPartition, mountedOn } from './mounted-copy.ts';
import { swapHeaderSize } from './swap.ts';

/** A partition that other devices use. */
export interface StackedPartition extends HostPartition {
  /** Their names, `dm-0`. */
  readonly holders: readonly string[];
}

/** What becomes of such partitions; the others are copied as they are. */
export interface BesidePartitions {
  /** Mounted file systems that are copied at the instant of the rest of the disk. */
  readonly mounted: readonly MountedPartition[];
  /** Mounted file systems that are too large for that, so that they are copied while in use. */
  readonly live: readonly MountedPartition[];
  /** Partitions that LUKS, LVM or md use. They are copied while in use. */
  readonly stacked: readonly StackedPartition[];
  /** Swap partitions, of which only the header is copied. */
  readonly swaps: readonly HostPartition[];
  /** What of those follows their headers. */
  readonly zeros: readonly DiskExtent[];
}

/** Inspects partitions. Throws a KexportError if one cannot be read. */
export async function inspectBeside(
  direct: DirectDisk,
  partitions: readonly HostPartition[],
  mounts: readonly Mount[],
  includeSwap: boolean,
): Promise<BesidePartitions> {
  const found = await Promise.all(partitions.map((partition) => mountedOn(partition, mounts)));
  const mountedHere = found.filter((partition) => partition !== undefined);
  const swaps: HostPartition[] = [];
  const zeros: DiskExtent[] = [];
  const swapsInUse = await readFile('/proc/swaps', 'latin1');
  const stacked = (await Promise.all(partitions.map(stackedOn))).flat();
  for (const partition of includeSwap ? [] : partitions) {
    // A mounted partition may have been swap before: its file system need not have overwritten the
    // header of swap.
    if (mountedHere.some(({ path }) => path === partition.path)) continue;
    const { holders = [] } = stacked.find(({ path }) => path === partition.path) ?? {};
    const header = await swapHeaderSize(direct, partition, { swaps: swapsInUse, holders });
    if (header === undefined) continue;
    swaps.push(partition);
    const { diskOffset, size } = partition;
    zeros.push({ start: diskOffset + header, end: diskOffset + size });
  }
  return {
    mounted: mountedHere.filter(({ size }) => size <= MAX_COPY_SIZE),
    live: mountedHere.filter(({ size }) => size > MAX_COPY_SIZE),
    stacked,
    swaps,
    zeros,
  };
}

async function stackedOn(partition: HostPartition): Promise<StackedPartition[]> {
  const holders = await holdersOf(partition);
  return holders.length === 0 ? [] : [{ ...partition, holders }];
}
