// The disk that a golden image is laid out like, and what becomes of its partitions.

import { readFile } from 'node:fs/promises';
import { KexportError } from '../../errors.ts';
import {
  holdersOf,
  type HostDisk,
  hostDisk,
  type HostPartition,
  layerBelow,
} from '../../host/host-disk.ts';
import type { Mount } from '../../host/mounts.ts';
import { diskView } from '../../partitions/disk-view.ts';
import { findGpt, readEntries } from '../../partitions/gpt.ts';
import { type DirectDisk, readerOf } from '../../live/direct-disk.ts';
import { poolStatuses } from '../live/live-pools.ts';
import { MAX_COPY_SIZE, type MountedPartition, mountedOn } from '../../live/mounted-copy.ts';
import { devicesOf } from '../live/pool-shape.ts';
import { swapHeaderSize } from '../../live/swap.ts';
import type { SourceTable } from './layout.ts';

/** What becomes of a partition of the source in the image. */
export interface PartitionFate {
  readonly partition: HostPartition;
  /** `pool`: made anew. `swap`: the header alone, by which systems find it. */
  readonly kind: 'pool' | 'swap' | 'copied';
  /** Of a file system that is mounted. */
  readonly mounted?: MountedPartition | undefined;
  /** Bytes of the header of a swap partition. */
  readonly headerSize?: number | undefined;
}

/**
 * The disk that a pool lies on; of several, the first that has a partition besides, such as one to
 * boot from. Throws a KexportError.
 */
export async function diskToCopy(pool: string): Promise<HostDisk> {
  const status = (await poolStatuses()).get(pool);
  const data = (status?.topLevel ?? []).filter(({ role }) => role === 'data');
  const devices = data.flatMap(devicesOf).map(({ name }) => name);
  const disks: HostDisk[] = [];
  for (const device of devices) {
    if (await layerBelow(device)) continue;
    const disk = await hostDisk(device);
    if (disk && disk.path !== device) disks.push(disk);
  }
  const disk = disks.find(({ partitions }) => partitions.length > 1) ?? disks[0];
  if (disk) return disk;
  const what = `pool ${pool} is in no partition of a disk of this machine: ${devices.join(', ')}`;
  throw new KexportError('unsupported', what, {
    hint: 'a golden image needs a partition table to lay itself out like',
  });
}

/** Reads the GPT of a disk. Throws a KexportError if it has none that is sound. */
export async function readTable(disk: HostDisk, direct: DirectDisk): Promise<SourceTable> {
  const view = diskView(readerOf(direct, disk.size), disk.size);
  const gpt = await findGpt(view);
  const entries = gpt
    ? await readEntries(view, gpt)
    : { problem: 'there is none, or it is damaged' };
  if (!gpt || 'problem' in entries) {
    const problem = 'problem' in entries ? entries.problem : '';
    throw new KexportError(
      'unsupported',
      `a golden image needs a GPT, and that of ${disk.path}: ${problem}`,
    );
  }
  return { ...gpt, start: await view.at(0, 2 * gpt.sectorSize), entries, diskSize: disk.size };
}

/** Throws a KexportError for a partition that a golden image cannot have. */
export async function fatesOf(
  disk: HostDisk,
  direct: DirectDisk,
  pool: string,
  mounts: readonly Mount[],
): Promise<PartitionFate[]> {
  const owners = await poolsOfPartitions();
  const swaps = await readFile('/proc/swaps', 'latin1');
  const fates: PartitionFate[] = [];
  for (const partition of disk.partitions) {
    const owner = owners.get(partition.path);
    if (owner === pool) {
      const other = fates.find(({ kind }) => kind === 'pool');
      if (other) throw refused(partition, `is of pool ${pool} as ${other.partition.path} is`);
      fates.push({ partition, kind: 'pool' });
      continue;
    }
    if (owner !== undefined) throw refused(partition, `is of pool ${owner}`);
    const mounted = await mountedOn(partition, mounts);
    const holders = await holdersOf(partition);
    const headerSize = mounted
      ? undefined
      : await swapHeaderSize(direct, partition, { swaps, holders });
    if (headerSize !== undefined) {
      fates.push({ partition, kind: 'swap', headerSize });
      continue;
    }
    if (holders.length > 0) throw refused(partition, `is in use by ${holders.join(', ')}`);
    if (partition.size > MAX_COPY_SIZE) throw refused(partition, 'is larger than a boot partition');
    fates.push({ partition, kind: 'copied', mounted });
  }
  return fates;
}

function refused({ path }: HostPartition, why: string): KexportError {
  const what = `a golden image has one pool and small partitions to boot from, and ${path} ${why}`;
  return new KexportError('unsupported', what);
}

async function poolsOfPartitions(): Promise<ReadonlyMap<string, string>> {
  const owners = new Map<string, string>();
  for (const [pool, { topLevel }] of await poolStatuses()) {
    for (const { name } of topLevel.flatMap(devicesOf)) owners.set(name, pool);
  }
  return owners;
}
