// Makes the disk of a golden image.
//
//   plan -> a snapshot of the datasets -> a sparse disk with a partition for the pool
//        -> an empty pool in it -> zfs send | zfs receive of each dataset -> destroy the snapshot
//        -> remove the identity in the copy -> export the pool -> detach the disk
//        -> read it: the final partition table, copies of the boot partitions, and the pool without
//           what is free in it, which is what was removed

import { pinUberblock, type RingEntry } from '../../../formats/zfs/uberblocks.ts';
import { KexportError, type OnWarning, throwIfAborted, Warning } from '../../errors.ts';
import type { HostPartition } from '../../host/host-disk.ts';
import { sha256 } from '../../inspect/sha256.ts';
import type { Edit } from '../../partitions/move-backup-gpt.ts';
import { disposable } from '../../sources/disposable.ts';
import type { OpenSource } from '../../sources/source.ts';
import { streamTools } from '../../zfs-send/tools.ts';
import { type DirectDisk, openDirect, readAnywhere } from '../../live/direct-disk.ts';
import { type DiskExtents, joinGroups } from '../../live/disk-extents.ts';
import { freeSpaceOf } from '../live/free-space.ts';
import { liveSource } from '../../live/live-source.ts';
import { copyMounted, type PartitionCopy } from '../../live/mounted-copy.ts';
import { readVdevLabels } from '../live/vdev-labels.ts';
import { newName } from '../../host/owner.ts';
import { makeSnapshots } from '../made.ts';
import { zfs } from '../run.ts';
import { flushVolumes } from '../snapshot-scope.ts';
import { destroyAll } from '../snapshot-volume.ts';
import { copyUnit, destroyExcess } from './copy-datasets.ts';
import { inPool } from './datasets.ts';
import { encodeTable, type GuidOf, newGuids } from './layout.ts';
import type { GoldenPlan } from './plan.ts';
import { generalize } from './generalize.ts';
import { openSpoolDisk, type SpoolDevice, type SpoolDisk } from './spool-disk.ts';
import { awaitFreeing, createPool, finishPool, type TemporaryPool } from './temporary-pool.ts';

/** Options of {@link openGoldenDisk}. */
export interface GoldenDiskOptions {
  /** Aborts the opening with a KexportError `aborted`; reading has a signal of its own. */
  readonly signal?: AbortSignal | undefined;
  /** Called with warnings, also while the source is closed. */
  readonly onWarning?: OnWarning | undefined;
}

/**
 * Makes the disk in a temporary file, and opens it. Must run as root. Nothing but that file, which
 * has no name, is left once this returns; closing the source frees it. Throws a KexportError, and
 * leaves nothing behind then.
 */
export async function openGoldenDisk(
  plan: GoldenPlan,
  options: GoldenDiskOptions = {},
): Promise<OpenSource> {
  const { signal, onWarning = () => undefined } = options;
  const { table, layout, disk } = plan;
  for (const warning of plan.warnings) onWarning(warning);
  const guidOf = newGuids();
  await flushVolumes(plan.pool);
  const datasets = plan.datasets.map(({ name }) => name);
  const snapshots = await makeSnapshots(datasets, onWarning);
  const made = [...snapshots.made];
  let spool: SpoolDisk | undefined;
  const copies: PartitionCopy[] = [];
  let direct: DirectDisk | undefined;
  const closeAll = async () => {
    for (const copy of copies.splice(0)) await copy.close();
    await spool?.close();
    await direct?.close();
  };
  try {
    direct = await openDirect(disk.path);
    copies.push(...(await copyPartitions(plan, direct, options)));
    throwIfAborted(signal);
    // After the snapshot, which would have the file in it if TMPDIR is on the source.
    spool = await openSpoolDisk(layout.diskSize, encodeTable(table, layout, guidOf, layout.pool));
    await fillPool(plan, spool, guidOf, {
      ...{ snapshot: snapshots.snapshot, signal, onWarning },
      onCopied: () => destroyAll(made, onWarning),
    });
    const edits = [...encodeTable(table, layout, guidOf), ...(await swapHeaders(plan, direct))];
    return disposable(await golden(plan, spool, { copies, edits, closeAll, signal }));
  } catch (error) {
    await closeAll();
    throw error;
  } finally {
    await destroyAll(made, onWarning);
  }
}

/** The partitions that are copied, where the image has them. */
async function copyPartitions(
  { fates, layout, disk }: GoldenPlan,
  direct: DirectDisk,
  { signal, onWarning = () => undefined }: GoldenDiskOptions,
): Promise<PartitionCopy[]> {
  const copies: PartitionCopy[] = [];
  try {
    for (const { partition, kind, mounted } of fates) {
      const place = layout.partitions.find(({ index }) => index === partition.index);
      if (kind !== 'copied' || !place) continue;
      const copy = mounted
        ? await copyMounted(direct, mounted, signal, onWarning)
        : partitionCopy(direct, partition, disk.size);
      copies.push({ ...copy, diskOffset: place.diskOffset });
    }
    return copies;
  } catch (error) {
    for (const copy of copies) await copy.close();
    throw error;
  }
}

/** Nothing writes to a partition that is not mounted. */
function partitionCopy(disk: DirectDisk, part: HostPartition, diskSize: number): PartitionCopy {
  const { diskOffset, size } = part;
  return {
    ...{ diskOffset, size },
    async read(offset, target) {
      target.set(await readAnywhere(disk, diskOffset + offset, target.length, diskSize));
    },
    close: () => Promise.resolve(),
  };
}

async function swapHeaders({ fates, layout }: GoldenPlan, direct: DirectDisk): Promise<Edit[]> {
  const edits: Edit[] = [];
  for (const { partition, headerSize } of fates) {
    const place = layout.partitions.find(({ index }) => index === partition.index);
    if (headerSize === undefined || !place) continue;
    const bytes = await readAnywhere(direct, partition.diskOffset, headerSize);
    edits.push({ diskOffset: place.diskOffset, bytes });
  }
  return edits;
}

interface FillOptions extends GoldenDiskOptions {
  readonly snapshot: string;
  readonly onWarning: OnWarning;
  /** Called once nothing more is read of the source. */
  readonly onCopied: () => Promise<void>;
}

/** Makes the pool on the disk, fills it, and exports it. */
async function fillPool(
  plan: GoldenPlan,
  spool: SpoolDisk,
  guidOf: GuidOf,
  options: FillOptions,
): Promise<void> {
  const { signal, onWarning, onCopied } = options;
  const device = await spool.attach(plan.layout.sectorSize);
  let pool: TemporaryPool | undefined;
  try {
    const temporaryName = newName();
    const wanted = {
      ...{ name: plan.pool, temporaryName, ashift: plan.ashift, properties: plan.properties },
      device: await device.partition(plan.layout.pool.index, signal),
      altroot: `/run/${temporaryName}`,
    };
    pool = await createPool(wanted, onWarning);
    const { snapshot } = options;
    const copying = { snapshot, pool: pool.name, withSnapshots: plan.withSnapshots, signal };
    for (const unit of plan.units) await copyUnit(unit, copying);
    await onCopied();
    await destroyExcess(copying, plan.destroyed);
    for (const key of plan.keys) await zfs(['load-key', inPool(pool.name, key)]);
    await generalize(plan, pool.name, guidOf, signal);
    await finishPool(pool.name, inPool(pool.name, plan.bootEnvironment.name), plan.properties);
    await awaitFreeing(pool.name, signal);
  } catch (error) {
    await giveUp(pool, device, onWarning);
    throw error;
  }
  const problem = (await pool.release()) ?? (await device.detach());
  if (problem === undefined) return;
  await giveUp(pool, device, onWarning);
  throw new KexportError('target', `the pool of the image cannot be exported: ${problem}`);
}

async function giveUp(
  pool: TemporaryPool | undefined,
  device: SpoolDevice,
  onWarning: OnWarning,
): Promise<void> {
  for (const problem of [await pool?.release(), await device.detach()]) {
    if (problem === undefined) continue;
    const what = `what was to become the image is left behind: ${problem}; to remove it: kexport clean`;
    onWarning(new Warning('left-behind', what));
    return;
  }
}

/** What the disk is read with, besides the file that has the pool. */
interface Parts {
  readonly copies: readonly PartitionCopy[];
  readonly edits: readonly Edit[];
  readonly closeAll: () => Promise<void>;
  readonly signal: AbortSignal | undefined;
}

/** The disk as a source. What is free in the pool was removed, and must not be in the image. */
async function golden(plan: GoldenPlan, spool: SpoolDisk, parts: Parts) {
  const { layout, pool } = plan;
  const { copies, edits, closeAll, signal } = parts;
  const disk: DirectDisk = {
    read: (at, target) => spool.read(at, target),
    close: () => Promise.resolve(),
  };
  const { index, diskOffset, size } = layout.pool;
  const path = `partition ${index} of the image`;
  const partition = { name: path, path, number: '', index, diskOffset, size, disk: '' };
  const disks = { at: () => disk, close: () => Promise.resolve() };
  const labels = await readVdevLabels(disk, partition);
  const uberblock = newest(labels.uberblocks);
  const free = await freeSpaceOf(
    disks,
    [{ name: pool, uberblock, vdevs: [{ partition, labels }] }],
    {
      tools: await streamTools(),
      signal,
      onWarning(warning) {
        throw new KexportError(
          'unsupported',
          `what was removed may stay in the image: ${warning.message}`,
        );
      },
    },
  );
  const pinned = labels.labels.map(({ vdevOffset, bytes }) => {
    const place = { vdevOffset, ashift: labels.config.ashift, sha256 };
    // Exported, the pool has no intent log; those of its volumes are part of what was sent.
    return {
      diskOffset: diskOffset + vdevOffset,
      bytes: pinUberblock(bytes, uberblock, place, { keepIntentLog: true }),
    };
  });
  const zeros = joinGroups(free);
  const source = liveSource(
    `a golden image of ${plan.disk.path}`,
    layout.diskSize,
    disk,
    { zeros, copies, edits: [...pinned, ...edits] },
    { check: () => undefined, finish: () => Promise.resolve(), release: closeAll },
  );
  return { ...source, dataSize: layout.diskSize - totalOf(zeros) };
}

/** In bytes. */
function totalOf(extents: DiskExtents): number {
  let total = 0;
  for (let index = 0; index < extents.count; index++) {
    total += extents.end(index) - extents.start(index);
  }
  return total;
}

/** The last one that the pool wrote. A ring has others, of states of which blocks are free now. */
function newest([first, ...others]: readonly RingEntry[]): RingEntry {
  if (!first) throw new KexportError('source', 'the pool of the image has no uberblock');
  return others.reduce((best, entry) => (entry.txg > best.txg ? entry : best), first);
}
