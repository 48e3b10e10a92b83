// Plans the export of a disk with LVM on it while it is in use, without changing anything.

import { readFile } from 'node:fs/promises';
import { type HostDisk, hostDisk, type HostPartition } from '../../host/host-disk.ts';
import { listMounts, rootMount } from '../../host/mounts.ts';
import { type BesidePartitions, inspectBeside } from '../../live/beside.ts';
import { type DirectDisk, openDirect, readerOf } from '../../live/direct-disk.ts';
import type { DiskExtent } from '../../live/disk-extents.ts';
import { gapsOf } from '../../live/gaps.ts';
import { swapHeaderSize } from '../../live/swap.ts';
import { lvmReport } from '../run-lvm.ts';
import { volumeUuid } from '../volume.ts';
import { type DiskLayout, diskLayout, type PlacedVolume, type Segment } from './layout.ts';

/** How a disk with LVM is exported. */
export interface LvmOptions {
  /** A device. Default: the disk of the volume that `/` is on. */
  readonly disk?: string | undefined;
  /** Copies the content of swap. */
  readonly includeSwap?: boolean | undefined;
  /** Copies the gaps between partitions, and the free space of volume groups. */
  readonly allSectors?: boolean | undefined;
}

/** What an export of a disk with LVM will do. */
export interface LvmPlan extends Pick<BesidePartitions, 'mounted' | 'live' | 'stacked'> {
  readonly disk: HostDisk;
  readonly layout: DiskLayout;
  /** Volumes in use, each of which is read from a snapshot. The others are read as they are. */
  readonly snapshots: readonly PlacedVolume[];
  /** Partitions and volumes with swap, of which only the header is copied. */
  readonly swaps: readonly (HostPartition | PlacedVolume)[];
  /** Extents that are written as zeros. */
  readonly zeros: readonly DiskExtent[];
}

/**
 * Finds the disk and inspects all that is on it. Returns undefined if it has no LVM. Throws a
 * KexportError if it cannot be exported while in use.
 */
export async function planLvmExport(options: LvmOptions): Promise<LvmPlan | undefined> {
  const path = options.disk ?? (await diskOfRoot());
  const disk = path === undefined ? undefined : await hostDisk(path);
  const layout = disk && (await diskLayout(disk));
  if (!disk || !layout) return undefined;
  const direct = await openDirect(disk.path);
  try {
    return await inspect(disk, layout, direct, options);
  } finally {
    await direct.close();
  }
}

/** The device that holds the volume of `/`; undefined if it is not on LVM. */
async function diskOfRoot(): Promise<string | undefined> {
  const root = await rootMount();
  const uuid = root && (await volumeUuid(root.source));
  if (uuid === undefined) return undefined;
  const which = ['-a', '--segments', '-S', `lv_uuid=${uuid}`];
  const rows = await lvmReport('lvs', ['devices'], which);
  return rows.map((row) => /^(\/.*)\(\d+\)$/.exec(row['devices'] ?? '')?.[1]).find(Boolean);
}

async function inspect(
  disk: HostDisk,
  layout: DiskLayout,
  direct: DirectDisk,
  { includeSwap = false, allSectors = false }: LvmOptions,
): Promise<LvmPlan> {
  const mounts = await listMounts();
  const own = new Set(layout.physical.map(({ path }) => path));
  const others = disk.partitions.filter(({ path }) => !own.has(path));
  const beside = await inspectBeside(direct, others, mounts, includeSwap);
  const volumes = includeSwap ? [] : await findSwaps(direct, layout.volumes);
  const isSwap = (volume: PlacedVolume) => volumes.some(({ of }) => of === volume);
  const zeros = [...beside.zeros, ...volumes.flatMap(({ zeros: found }) => found)];
  if (!allSectors)
    zeros.push(...(await gapsOf(disk, readerOf(direct, disk.size))), ...freeExtents(layout));
  return {
    ...beside,
    disk,
    layout,
    snapshots: layout.volumes.filter(
      (volume) => volume.isOpen && !volume.isReadOnly && !isSwap(volume),
    ),
    swaps: [...beside.swaps, ...volumes.map(({ of }) => of)],
    zeros: zeros.sort((one, other) => one.start - other.start),
  };
}

interface Swap {
  readonly of: PlacedVolume;
  /** All of it after its header. */
  readonly zeros: readonly DiskExtent[];
}

async function findSwaps(direct: DirectDisk, volumes: readonly PlacedVolume[]): Promise<Swap[]> {
  const inUse = await readFile('/proc/swaps', 'latin1');
  const swaps: Swap[] = [];
  for (const volume of volumes) {
    const { device = '', size, segments, isOpen } = volume;
    const path = `/dev/${device}`;
    // What is in use, such as a file system, need not have overwritten the header of swap.
    if (isOpen && !inUse.includes(`\n${path} `)) continue;
    const { diskOffset = 0 } = segments[0] ?? {};
    const use = { swaps: inUse, holders: [] };
    const header = await swapHeaderSize(direct, { path, diskOffset, size }, use);
    if (header === undefined) continue;
    swaps.push({ of: volume, zeros: segments.flatMap((segment) => after(header, segment)) });
  }
  return swaps;
}

/** What of a segment lies after the first `header` bytes of its volume. */
function after(header: number, { volumeOffset, diskOffset, size }: Segment): DiskExtent[] {
  const skipped = Math.max(0, header - volumeOffset);
  return skipped < size ? [{ start: diskOffset + skipped, end: diskOffset + size }] : [];
}

/** The extents of the physical volumes that no volume has. */
function freeExtents({ physical, volumes }: DiskLayout): DiskExtent[] {
  const used = volumes
    .flatMap(({ segments }) => segments)
    .sort((one, other) => one.diskOffset - other.diskOffset);
  return physical.flatMap(({ extents }) => {
    const free: DiskExtent[] = [];
    let { start } = extents;
    for (const { diskOffset, size } of used) {
      if (diskOffset < extents.start || diskOffset >= extents.end) continue;
      if (diskOffset > start) free.push({ start, end: diskOffset });
      start = diskOffset + size;
    }
    return start < extents.end ? [...free, { start, end: extents.end }] : free;
  });
}
