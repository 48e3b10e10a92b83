// Finds the free space of the pools on the exported disks, in the state that goes into the images.

import {
  ALLOCATABLE_OFFSET,
  openPoolSpace,
  type PoolSpace,
  type PresentVdev,
} from '../../../formats/zfs/free-space.ts';
import { roundDown } from '../../../formats/rounding.ts';
import { LABEL_SIZE } from '../../../formats/zfs/label.ts';
import type { PoolMedia, PoolTools } from '../../../formats/zfs/pool-blocks.ts';
import type { RingEntry } from '../../../formats/zfs/uberblocks.ts';
import { FormatError } from '../../../formats/index.ts';
import { type OnWarning, reasonOf, throwIfAborted, Warning } from '../../errors.ts';
import { type DirectDisks, readAnywhere } from '../../live/direct-disk.ts';
import {
  type ExtentCollector,
  extentCollector,
  type ExtentGroup,
} from '../../live/disk-extents.ts';
import type { PoolDevice } from './live-pools.ts';
import type { VdevLabels } from './vdev-labels.ts';

/** A pool in one state. */
export interface PoolState {
  readonly name: string;
  readonly uberblock: RingEntry;
  readonly vdevs: readonly { readonly partition: PoolDevice; readonly labels: VdevLabels }[];
}

export interface FreeSpaceOptions {
  /** Checksums and decompressors for blocks of the pool. */
  readonly tools: Omit<PoolTools, 'media'>;
  readonly signal?: AbortSignal | undefined;
  /**
   * Called with a message for the user where the free space is not certain, so that it is copied.
   */
  readonly onWarning: OnWarning;
}

/**
 * Limit of this program on extents of free space, each of which takes 16 bytes of memory. Where a
 * disk has more, the shorter ones are copied.
 */
const MAX_STRETCHES = 2 ** 20;

/** Free extents of a device of a pool. */
export interface FreeExtents extends ExtentGroup {
  /** The path of the disk that it is on. */
  readonly disk: string;
}

/** A top-level vdev and the devices on the disks that each hold all of it. */
interface TopVdev extends PresentVdev {
  readonly sides: readonly PoolDevice[];
}

/**
 * The extents of the disks that are free in the given states of its pools. A checkpoint must keep
 * the blocks of those states. Any error becomes a warning, and the result lacks the free space
 * concerned; only an abort is thrown.
 */
export async function freeSpaceOf(
  disks: DirectDisks,
  pools: readonly PoolState[],
  options: FreeSpaceOptions,
): Promise<FreeExtents[]> {
  const groups: FreeExtents[] = [];
  const limit = Math.floor(MAX_STRETCHES / pools.flatMap(({ vdevs }) => vdevs).length);
  for (const pool of pools) {
    const vdevs = topVdevs(pool);
    const space = await orWarn(options, `pool ${pool.name}`, () =>
      openPoolSpace(pool.uberblock, vdevs, {
        ...options.tools,
        media: mediaOf(disks, vdevs, options.signal),
      }),
    );
    if (!space) continue;
    for (const vdev of vdevs) groups.push(...(await freeOf(space, vdev, limit, options)));
  }
  return groups;
}

async function freeOf(
  space: PoolSpace,
  vdev: TopVdev,
  limit: number,
  options: FreeSpaceOptions,
): Promise<FreeExtents[]> {
  const name = vdev.sides.map(({ path }) => path).join(' and ');
  const found = await orWarn(options, name, async (): Promise<ExtentCollector> => {
    const collector = extentCollector(limit);
    await space.eachFree(vdev, (start, end) => collector.add(start, end));
    return collector;
  });
  if (!found) return [];
  return vdev.sides.map(({ disk, diskOffset }) => ({
    disk,
    bounds: found.found(),
    diskOffset: diskOffset + ALLOCATABLE_OFFSET,
  }));
}

/**
 * Returns undefined after a warning. It is always right to copy more, so no error in here ends an
 * export.
 */
async function orWarn<T>(
  { signal, onWarning }: FreeSpaceOptions,
  name: string,
  read: () => Promise<T>,
): Promise<T | undefined> {
  try {
    return await read();
  } catch (error) {
    throwIfAborted(signal);
    onWarning(
      new Warning(
        'free-space',
        `${name}: its free space is copied, and with it what was deleted: ${reasonOf(error)}`,
      ),
    );
    return undefined;
  }
}

function topVdevs({ vdevs }: PoolState): TopVdev[] {
  const byId = new Map<number, TopVdev>();
  for (const { partition, labels } of vdevs) {
    const { topId: id, topGuid: guid } = labels.config;
    const end = roundDown(partition.size, LABEL_SIZE) - 2 * LABEL_SIZE;
    const other = byId.get(id);
    byId.set(id, {
      id,
      guid,
      size: Math.min(end - ALLOCATABLE_OFFSET, other?.size ?? Infinity),
      sides: [...(other?.sides ?? []), partition],
    });
  }
  return [...byId.values()];
}

function mediaOf(
  disks: DirectDisks,
  vdevs: readonly TopVdev[],
  signal: AbortSignal | undefined,
): PoolMedia {
  const byId = new Map(vdevs.map((vdev) => [vdev.id, vdev]));
  return {
    sideCount: (vdev) => byId.get(vdev)?.sides.length ?? 0,
    async read(vdev, side, offset, length) {
      throwIfAborted(signal);
      const found = byId.get(vdev);
      const partition = found?.sides[side];
      if (!partition || offset + length > found.size) {
        throw new FormatError('damaged', `vdev ${vdev} does not reach to byte ${offset + length}`);
      }
      const diskOffset = partition.diskOffset + ALLOCATABLE_OFFSET + offset;
      return readAnywhere(disks.at(partition.disk), diskOffset, length);
    },
  };
}
