// The free space of a pool in one of its states: a space map for each metaslab (a part of a vdev),
// then the logs of the changes since that map was written.
//   uberblock -> meta object set -> directory -> vdevs -> array of space maps -> space maps
//                                             -> logs of each transaction group, for all vdevs
// Any contradiction, a wrong sum, or a block that was read but is free, is a FormatError. Sources:
// OpenZFS, module/zfs/metaslab.c and spa_log_spacemap.c (spa_ld_log_spacemaps).

import { roundUp } from '../rounding.ts';
import type { FormatError } from '../errors.ts';
import { damaged, unsupported } from './faults.ts';
import { type AllocationMap, allocationMap } from './allocation-map.ts';
import { POOL_SECTOR } from './decode-pointer.ts';
import { indirectMapping } from './indirect-mapping.ts';
import {
  type IndirectMapping,
  poolBlocks,
  type PoolBlocks,
  type PoolTools,
} from './pool-blocks.ts';
import { readPoolDirectory, type PoolDirectory, type TopVdev } from './pool-directory.ts';
import { numberAt, openPoolObjects, type PoolObject, type PoolObjects } from './pool-objects.ts';
import { readSpaceMap, type SpaceMapEntry } from './space-map.ts';
import type { RingEntry } from './uberblocks.ts';
import { MAX_ASHIFT, MIN_ASHIFT } from './vdev-config.ts';
import { readZap } from './zap.ts';

/** Offset of the allocatable space on a device: two labels, boot block (VDEV_LABEL_START_SIZE). */
export const ALLOCATABLE_OFFSET = 4 * 2 ** 20;

/** A top-level vdev that is present. */
export interface PresentVdev {
  /** Its number in the pool. */
  readonly id: number;
  readonly guid: bigint;
  /** Allocatable bytes that its devices have room for. */
  readonly size: number;
  /** Metaslabs begin at a multiple of this many bytes: `VdevLayout.alignment`. */
  readonly alignment: number;
}

/** The free space of a pool. */
export interface PoolSpace {
  /**
   * Calls `onFree` for each free part of a vdev, ascending, in bytes of its allocatable space.
   * Rejects with a FormatError if the pool contradicts itself; the calls so far are then void.
   */
  eachFree(vdev: PresentVdev, onFree: (start: number, end: number) => void): Promise<void>;
}

const VERSION = 5000n; // SPA_VERSION_FEATURES
/** Limit on the metadata that is read: this many bytes, and this share of the vdevs' size. */
const MIN_BUDGET = 2 ** 28;
const BUDGET_SHARE = 1 / 64;

const OBJECT_ARRAY = 2; // DMU_OT_OBJECT_ARRAY
const READABLE_TYPES = ['disk', 'file', 'mirror', 'raidz', 'draid'];
/** The lowest metaslab_shift, SPA_MAXBLOCKSHIFT in old versions; today it is at least 24. */
const MIN_METASLAB_SHIFT = 17;
/** Limit of this program on the metaslabs of a vdev; OpenZFS makes at most 2^17. */
const MAX_METASLABS = 2 ** 20;
/** Limit of this program on the smallest blocks in memory at once: 64 MiB of bits. */
const UNITS_AT_ONCE = 2 ** 29;

/**
 * Opens the state of a pool that an uberblock is the root of. Rejects with a FormatError if its
 * free space cannot be read. The logs are read once for each `unitsAtOnce` smallest blocks of a
 * vdev.
 */
export async function openPoolSpace(
  { order, values, txg }: RingEntry,
  present: readonly PresentVdev[],
  tools: PoolTools,
  unitsAtOnce = UNITS_AT_ONCE,
): Promise<PoolSpace> {
  if (order !== 'little') throw unsupported('the pool is in big-endian byte order');
  if (values.version !== VERSION) {
    throw unsupported(`the pool has version ${values.version}, ${VERSION} is supported`);
  }
  const size = present.reduce((sum, vdev) => sum + vdev.size, 0);
  const blocks = poolBlocks(tools, txg, MIN_BUDGET + size * BUDGET_SHARE);
  const objects = await openPoolObjects(values.rootBlockPointer, blocks);
  const directory = await readPoolDirectory(objects);
  if (directory.logs.some((log) => log.txg > txg)) {
    throw damaged('the pool has a log of space maps from a later state');
  }
  blocks.useMappings(await mappingsOf(directory, objects));
  return {
    async eachFree(vdev, onFree) {
      const found = directory.vdevs.get(vdev.id);
      const layout = metaslabsOf(found, vdev, unitsAtOnce);
      await readVdev({ id: vdev.id, layout, objects, blocks, logs: directory.logs }, onFree);
    },
  };
}

/** The mappings of removed vdevs, by their numbers. */
async function mappingsOf(
  { vdevs }: PoolDirectory,
  objects: PoolObjects,
): Promise<ReadonlyMap<number, IndirectMapping>> {
  const mappings = new Map<number, IndirectMapping>();
  for (const [id, { type, mapping }] of vdevs) {
    if (type !== 'indirect' || !mapping) continue; // 0 if nothing was on it
    mappings.set(id, indirectMapping(await objects(mapping)));
  }
  return mappings;
}

/** The metaslabs of a vdev. */
interface Metaslabs extends TopVdev {
  readonly metaslabCount: number;
  /** Number of smallest blocks in a metaslab. */
  readonly units: number;
  /** Metaslabs begin at a multiple of so many smallest blocks, and end likewise. */
  readonly alignedUnits: number;
  /** Number of metaslabs in memory at once. */
  readonly perBatch: number;
}

function metaslabsOf(
  found: TopVdev | undefined,
  { guid, size, alignment }: PresentVdev,
  unitsAtOnce: number,
): Metaslabs {
  if (found?.guid !== guid) throw damaged('the vdev is not one of the pool');
  const { type, ashift, metaslabShift, allocatable } = found;
  if (!READABLE_TYPES.includes(type)) {
    throw unsupported(`a vdev of type ${type}, ${READABLE_TYPES.join(', ')} are supported`);
  }
  const metaslabCount = Math.floor(allocatable / 2 ** metaslabShift);
  const units = 2 ** (metaslabShift - ashift);
  const alignedUnits = Math.max(1, alignment / 2 ** ashift);
  const isSound =
    ashift >= MIN_ASHIFT &&
    ashift <= MAX_ASHIFT &&
    metaslabShift >= MIN_METASLAB_SHIFT &&
    units <= unitsAtOnce &&
    metaslabCount <= MAX_METASLABS &&
    metaslabCount * 2 ** metaslabShift <= size;
  const perBatch = Math.min(Math.floor(unitsAtOnce / units), metaslabCount);
  if (isSound) return { ...found, metaslabCount, units, alignedUnits, perBatch };
  throw damaged(
    `the vdev has ${metaslabCount} metaslabs of 2^${metaslabShift} bytes, which cannot be right`,
  );
}

/** What is needed to read the free space of a vdev. */
interface VdevReading {
  readonly id: number;
  readonly layout: Metaslabs;
  readonly objects: PoolObjects;
  readonly blocks: PoolBlocks;
  readonly logs: PoolDirectory['logs'];
}

async function readVdev(
  reading: VdevReading,
  onFree: (start: number, end: number) => void,
): Promise<void> {
  const { layout, objects } = reading;
  const maps = await objects(layout.metaslabArray);
  if (maps.type !== OBJECT_ARRAY) throw damaged('the vdev has no space maps');
  const unflushed = await unflushedOf(layout, objects);
  const { perBatch } = layout;
  const map = allocationMap(perBatch * layout.units);
  const unit = 2 ** layout.ashift;
  for (let first = 0; first < layout.metaslabCount; first += perBatch) {
    const count = Math.min(perBatch, layout.metaslabCount - first);
    const batch = { map, first, count };
    map.clear();
    await readMaps(reading, maps, batch);
    await replayLogs(reading, unflushed, batch);
    checkPlaces(reading, batch);
    const start = first * layout.units;
    for (const run of map.freeRuns(count * layout.units)) {
      onFree((start + run.start) * unit, (start + run.end) * unit);
    }
  }
}

/** The metaslabs that are in memory. */
interface Batch {
  readonly map: AllocationMap;
  readonly first: number;
  readonly count: number;
}

async function readMaps(
  { layout, objects }: VdevReading,
  maps: PoolObject,
  { map, first, count }: Batch,
): Promise<void> {
  for (let index = 0; index < count; index++) {
    const object = await numberAt(maps, first + index);
    if (object === 0n) continue; // nothing was ever allocated in this metaslab
    const start = firstUnit(first + index, layout) - first * layout.units;
    const end = (index + 1) * layout.units;
    await readSpaceMap(await objects(Number(object)), 2 ** layout.ashift, (entry) => {
      if (start + entry.offset + entry.count > end) throw outside();
      apply(entry, map, start + entry.offset, entry.count);
    });
  }
}

/** Where a metaslab begins on its vdev, in smallest blocks. */
function firstUnit(metaslab: number, { units, alignedUnits }: Metaslabs): number {
  return roundUp(metaslab * units, alignedUnits);
}

/** An array with, for each metaslab, the first transaction group whose log its space map lacks. */
async function unflushedOf(
  { zap }: Metaslabs,
  objects: PoolObjects,
): Promise<PoolObject | undefined> {
  if (zap === undefined || zap === 0) return undefined;
  const [object] =
    (await readZap(await objects(zap))).get('com.delphix:ms_unflushed_phys_txgs') ?? [];
  return object === undefined ? undefined : objects(Number(object));
}

/** Applies the logs, except for changes that the space map of a metaslab already includes. */
async function replayLogs(
  { id, layout, objects, logs }: VdevReading,
  unflushed: PoolObject | undefined,
  { map, first, count }: Batch,
): Promise<void> {
  const txgs: bigint[] = [];
  for (let index = 0; index < count && logs.length > 0; index++) {
    txgs.push(unflushed ? await numberAt(unflushed, first + index) : 0n);
  }
  const sectors = 2 ** layout.ashift / POOL_SECTOR;
  for (const log of logs) {
    await readSpaceMap(await objects(log.object), POOL_SECTOR, (entry) => {
      if (entry.vdev !== id) return;
      const offset = entry.offset / sectors;
      const length = entry.count / sectors;
      const index = Math.floor(offset / layout.units) - first;
      if (index < 0 || index >= count) {
        if (index + first >= layout.metaslabCount) throw outside();
        return;
      }
      if (!Number.isInteger(offset) || !Number.isInteger(length)) throw outside();
      if ((offset % layout.units) + length > layout.units) throw outside();
      if (log.txg < txgs[index]!) return;
      apply(entry, map, offset - first * layout.units, length);
    });
  }
}

function apply({ isFreed }: SpaceMapEntry, map: AllocationMap, start: number, count: number): void {
  if (isFreed) map.free(start, count);
  else map.allocate(start, count);
}

function outside(): FormatError {
  return damaged('an entry of a space map is not within a metaslab');
}

/** A block that was read must be allocated, or the space maps are not those of this state. */
function checkPlaces({ id, layout, blocks }: VdevReading, { map, first, count }: Batch): void {
  const start = first * layout.units;
  for (const { vdev, offset } of blocks.places) {
    const unit = Math.floor(offset / 2 ** layout.ashift) - start;
    if (vdev !== id || unit < 0 || unit >= count * layout.units) continue;
    if (!map.isAllocated(unit)) throw damaged('a block that is in use is marked as free');
  }
}
