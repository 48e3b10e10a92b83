// Finds the free space of the pools on the exported disks, in the state that goes into the images.

import {
  ALLOCATABLE_OFFSET,
  openPoolSpace,
  type PoolSpace,
  type PresentVdev,
} from '../../../formats/zfs/free-space.ts';
import { roundDown } from '../../../formats/rounding.ts';
import { LABEL_SIZE } from '../../../formats/zfs/label.ts';
import { layoutOf } from '../../../formats/zfs/layout-of.ts';
import type { PoolMedia, PoolTools } from '../../../formats/zfs/pool-blocks.ts';
import { poolMedia, type ReadDevice } from '../../../formats/zfs/pool-media.ts';
import type { RingEntry } from '../../../formats/zfs/uberblocks.ts';
import type { VdevLayout } from '../../../formats/zfs/vdev-layout.ts';
import { FormatError } from '../../../formats/index.ts';
import { type OnWarning, reasonOf, throwIfAborted, Warning } from '../../errors.ts';
import { type DirectDisks, readAnywhere } from '../../live/direct-disk.ts';
import { extentCollector, type ExtentGroup } from '../../live/disk-extents.ts';
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

/** A top-level vdev, and those of its devices that are on the disks. */
interface TopVdev extends PresentVdev {
  readonly layout: VdevLayout;
  /** By their index in the vdev; undefined for one that is missing. */
  readonly devices: readonly (PoolDevice | undefined)[];
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
    const opened = await orWarn(options, `pool ${pool.name}`, async () => {
      const vdevs = topVdevs(pool);
      const media = mediaOf(disks, vdevs, options.signal);
      const space = await openPoolSpace(pool.uberblock, vdevs, { ...options.tools, media });
      return { space, vdevs };
    });
    if (!opened) continue;
    for (const vdev of opened.vdevs) {
      groups.push(...(await freeOf(opened.space, vdev, limit, options)));
    }
  }
  return groups;
}

async function freeOf(
  space: PoolSpace,
  vdev: TopVdev,
  limit: number,
  options: FreeSpaceOptions,
): Promise<FreeExtents[]> {
  const { layout, devices } = vdev;
  const present = devices.flatMap((device) => device ?? []);
  const name = present.map(({ path }) => path).join(' and ');
  const found = await orWarn(options, name, async () => {
    const collectors = devices.map((device) => device && extentCollector(limit));
    await space.eachFree(vdev, (start, end) => {
      layout.spread(start, end, (device, from, to) => collectors[device]?.add(from, to));
    });
    return collectors;
  });
  return devices.flatMap((device, index) => {
    const collector = found?.[index];
    if (!device || !collector) return [];
    const diskOffset = device.diskOffset + ALLOCATABLE_OFFSET;
    return [{ disk: device.disk, bounds: collector.found(), diskOffset }];
  });
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

/** Throws a FormatError for a vdev of a kind that is not known. */
function topVdevs({ vdevs }: PoolState): TopVdev[] {
  const byId = new Map<number, PoolState['vdevs'][number][]>();
  for (const vdev of vdevs) {
    const { topId } = vdev.labels.config;
    byId.set(topId, [...(byId.get(topId) ?? []), vdev]);
  }
  return [...byId].map(([id, ofVdev]) => {
    const { shape, topGuid } = ofVdev[0]!.labels.config; // made with one
    const layout = layoutOf(shape);
    const smallest = Math.min(...ofVdev.map(({ partition }) => allocatableSize(partition)));
    const devices = shape.devices.map(
      (guid) => ofVdev.find(({ labels }) => labels.config.guid === guid)?.partition,
    );
    const size = layout.sizeWith(smallest);
    return { id, guid: topGuid, size, alignment: layout.alignment, layout, devices };
  });
}

function allocatableSize({ size }: PoolDevice): number {
  return roundDown(size, LABEL_SIZE) - 2 * LABEL_SIZE - ALLOCATABLE_OFFSET;
}

function mediaOf(
  disks: DirectDisks,
  vdevs: readonly TopVdev[],
  signal: AbortSignal | undefined,
): PoolMedia {
  const reader = (device: PoolDevice): ReadDevice => {
    const size = allocatableSize(device);
    return (offset, length) => {
      throwIfAborted(signal);
      if (offset + length > size) {
        throw new FormatError(
          'damaged',
          `${device.path} does not reach to byte ${offset + length}`,
        );
      }
      const diskOffset = device.diskOffset + ALLOCATABLE_OFFSET + offset;
      return readAnywhere(disks.at(device.disk), diskOffset, length);
    };
  };
  return poolMedia(
    vdevs.map(({ id, layout, devices }) => ({
      id,
      layout,
      devices: devices.map((device) => device && reader(device)),
    })),
  );
}
