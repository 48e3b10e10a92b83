// The free space of a pool in one state of it: what a space map for each metaslab, a stretch of a vdev, says, and then the logs
// of what was done since that map was last written to.
//   uberblock -> meta object set -> directory -> vdevs -> array of space maps -> space maps
//                                             -> logs of each transaction group, for all vdevs
// What is not as it must be is a FormatError, and then nothing is known: what is free and what is not contradict nowhere, the sums
// are right, and what was read on the way is allocated.
// Sources: OpenZFS, module/zfs/metaslab.c (metaslab_init, metaslab_load), module/zfs/spa_log_spacemap.c (spa_ld_log_spacemaps).

import { FormatError } from '../errors.ts';
import { type AllocationMap, allocationMap } from './allocation-map.ts';
import { POOL_SECTOR } from './block-pointer.ts';
import { poolBlocks, type PoolBlocks, type PoolTools } from './pool-blocks.ts';
import { readPoolDirectory, type PoolDirectory, type TopVdev } from './pool-directory.ts';
import { numberAt, openPoolObjects, type PoolObject, type PoolObjects } from './pool-objects.ts';
import { readSpaceMap, type SpaceMapEntry } from './space-map.ts';
import type { RingEntry } from './uberblocks.ts';
import { MAX_ASHIFT, MIN_ASHIFT } from './vdev-config.ts';
import { readZap } from './zap.ts';

/** Where on a device begins what its vdev allocates from, in bytes: two labels and the boot block, VDEV_LABEL_START_SIZE. */
export const ALLOCATABLE_OFFSET = 4 * 2 ** 20;

/** A top-level vdev that is there. */
export interface PresentVdev {
  /** Its number. */
  readonly id: number;
  readonly guid: bigint;
  /** What the smallest of its devices has for it to allocate from, in bytes. */
  readonly size: number;
}

/** The free space of a pool. */
export interface PoolSpace {
  /**
   * Calls `onFree` for each stretch of a vdev that is free, ascending, in bytes of what it allocates from. Throws a
   * FormatError if that is not known for certain; then what was told is to be forgotten.
   */
  eachFree(vdev: PresentVdev, onFree: (start: number, end: number) => void): Promise<void>;
}

const VERSION = 5000n; // SPA_VERSION_FEATURES
/** Limits on what is read of the metadata: so much, and a part of the vdevs' size. */
const MIN_BUDGET = 2 ** 28;
const BUDGET_SHARE = 1 / 64;

const OBJECT_ARRAY = 2; // DMU_OT_OBJECT_ARRAY
const READABLE_TYPES = ['disk', 'file', 'mirror'];
/** SPA_MAXBLOCKSHIFT of old; today it is at least 24. */
const MIN_METASLAB_SHIFT = 17;
/** Limit of this program on the metaslabs of a vdev; OpenZFS makes 2^17. */
const MAX_METASLABS = 2 ** 20;
/** Limit of this program on what is looked at at once, in the smallest blocks of a vdev: bits in memory, 64 MiB of them. */
const UNITS_AT_ONCE = 2 ** 29;

/**
 * Opens the state of a pool that an uberblock leads to. Throws a FormatError if its free space cannot be read. For what is larger
 * than `unitsAtOnce` smallest blocks, the logs are read several times.
 */
export async function openPoolSpace(
  { order, values, txg }: RingEntry,
  present: readonly PresentVdev[],
  tools: PoolTools,
  unitsAtOnce = UNITS_AT_ONCE,
): Promise<PoolSpace> {
  if (order !== 'little') throw new FormatError('unsupported', 'it is in big-endian order');
  if (values.version !== VERSION)
    throw new FormatError('unsupported', `it is of version ${values.version}`);
  const size = present.reduce((sum, vdev) => sum + vdev.size, 0);
  const blocks = poolBlocks(tools, txg, MIN_BUDGET + size * BUDGET_SHARE);
  const objects = await openPoolObjects(values.rootBlockPointer, blocks);
  const directory = await readPoolDirectory(objects);
  if (directory.logs.some((log) => log.txg > txg)) {
    throw new FormatError('damaged', 'it has a log of space maps of a later state');
  }
  return {
    async eachFree(vdev, onFree) {
      const found = directory.vdevs.get(vdev.id);
      const layout = layoutOf(found, vdev, unitsAtOnce);
      await readVdev({ id: vdev.id, layout, objects, blocks, logs: directory.logs }, onFree);
    },
  };
}

interface VdevLayout extends TopVdev {
  readonly metaslabCount: number;
  /** Smallest blocks in a metaslab. */
  readonly units: number;
  /** Metaslabs that are looked at at once. */
  readonly perBatch: number;
}

function layoutOf(
  found: TopVdev | undefined,
  { guid, size }: PresentVdev,
  unitsAtOnce: number,
): VdevLayout {
  if (found?.guid !== guid) throw new FormatError('damaged', 'the pool does not know the vdev');
  const { type, ashift, metaslabShift, allocatable } = found;
  if (!READABLE_TYPES.includes(type))
    throw new FormatError('unsupported', `the vdev is of type ${type}`);
  const metaslabCount = Math.floor(allocatable / 2 ** metaslabShift);
  const units = 2 ** (metaslabShift - ashift);
  const isSound =
    ashift >= MIN_ASHIFT &&
    ashift <= MAX_ASHIFT &&
    metaslabShift >= MIN_METASLAB_SHIFT &&
    units <= unitsAtOnce &&
    metaslabCount <= MAX_METASLABS &&
    metaslabCount * 2 ** metaslabShift <= size;
  const perBatch = Math.min(Math.floor(unitsAtOnce / units), metaslabCount);
  if (isSound) return { ...found, metaslabCount, units, perBatch };
  throw new FormatError(
    'damaged',
    `the vdev has ${metaslabCount} metaslabs of 2^${metaslabShift} bytes`,
  );
}

/** What a vdev is read with. */
interface VdevReading {
  readonly id: number;
  readonly layout: VdevLayout;
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
  if (maps.type !== OBJECT_ARRAY) throw new FormatError('damaged', 'the vdev has no space maps');
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

/** A part of the metaslabs. */
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
    if (object === 0n) continue; // nothing was ever allocated there
    const start = index * layout.units;
    await readSpaceMap(await objects(Number(object)), 2 ** layout.ashift, (entry) => {
      if (entry.offset + entry.count > layout.units) throw outside();
      apply(entry, map, start + entry.offset, entry.count);
    });
  }
}

/** The transaction groups from which on the logs have what a space map lacks; undefined if no map lacks any. */
async function unflushedOf(
  { zap }: VdevLayout,
  objects: PoolObjects,
): Promise<PoolObject | undefined> {
  if (zap === undefined || zap === 0) return undefined;
  const [object] =
    (await readZap(await objects(zap))).get('com.delphix:ms_unflushed_phys_txgs') ?? [];
  return object === undefined ? undefined : objects(Number(object));
}

/** Does in their order what the logs say that was done after a metaslab's own map was last written to. */
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
  return new FormatError('damaged', 'an entry of a space map is not inside a metaslab');
}

/** What was read must be allocated, or what is read here is not what it seems. */
function checkPlaces({ id, layout, blocks }: VdevReading, { map, first, count }: Batch): void {
  const start = first * layout.units;
  for (const { vdev, offset } of blocks.places) {
    const unit = Math.floor(offset / 2 ** layout.ashift) - start;
    if (vdev !== id || unit < 0 || unit >= count * layout.units) continue;
    if (!map.isAllocated(unit))
      throw new FormatError('damaged', 'a block that is in use is said to be free');
  }
}
