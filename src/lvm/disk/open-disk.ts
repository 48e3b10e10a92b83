// Exports a disk with LVM on it while it is in use: volumes in use from snapshots, LVM's own
// metadata as it was before them, other file systems as of the same moment.
//
//   plan -> metadata of LVM -> snapshot of each volume in use -> copies of mounted partitions
//        -> read the rest of the disk -> snapshots valid, nothing moved? -> remove the snapshots

import { KexportError, type OnWarning, throwIfAborted, Warning } from '../../errors.ts';
import type { DiskSnapshot, SnapshotOptions } from '../../host/disk-snapshot.ts';
import { type DirectDisk, openDirect, readAnywhere } from '../../live/direct-disk.ts';
import { joinGroups, singleGroups } from '../../live/disk-extents.ts';
import { liveSource } from '../../live/live-source.ts';
import { copyMounted, flushMounted, type PartitionCopy } from '../../live/mounted-copy.ts';
import type { Edit } from '../../partitions/move-backup-gpt.ts';
import { disposable } from '../../sources/disposable.ts';
import type { OpenSource } from '../../sources/source.ts';
import { snapshotVolume } from '../snapshot-volume.ts';
import { checkInPlace, diskLayout, type PhysicalVolume, type PlacedVolume } from './layout.ts';
import type { LvmPlan } from './plan.ts';

/** Options of {@link openLvmDisk}. */
export type LvmDiskOptions = Pick<SnapshotOptions, 'snapshotSize' | 'signal' | 'onWarning'>;

/** A snapshot, open to be read. */
interface OpenSnapshot {
  readonly snapshot: DiskSnapshot;
  readonly volume: PlacedVolume;
  readonly device: DirectDisk;
}

/**
 * Opens a disk in use. Takes a snapshot of each volume in use; closing the source removes them. The
 * snapshots are some moments apart. Must run as root. Throws a KexportError, and leaves nothing
 * behind then.
 */
export async function openLvmDisk(plan: LvmPlan, options: LvmDiskOptions): Promise<OpenSource> {
  const { signal, onWarning = () => undefined } = options;
  const { disk, layout, mounted, live, snapshots, zeros } = plan;
  warnOf(plan, onWarning);
  const direct = await openDirect(disk.path);
  const opened: OpenSnapshot[] = [];
  const copies: PartitionCopy[] = [];
  const edits: Edit[] = [];
  try {
    for (const physical of layout.physical) {
      edits.push(...(await metadataOf(direct, physical, disk.size)));
    }
    await checkUnchanged(plan);
    for (const partition of [...mounted, ...live]) await flushMounted(partition);
    for (const volume of snapshots) {
      throwIfAborted(signal);
      opened.push(await openSnapshot(volume, { ...options, snapshotSize: roomFor(volume) }));
    }
    for (const partition of mounted) {
      copies.push(await copyMounted(direct, partition, signal, onWarning));
    }
  } catch (error) {
    await release();
    throw error;
  }
  const replacements = {
    zeros: joinGroups(singleGroups(zeros)),
    copies: [...copies, ...opened.flatMap(segmentsOf)],
    edits,
  };
  const check = () => undefined; // the snapshots are checked at the end
  return disposable(
    liveSource(disk.path, disk.size, direct, replacements, { check, finish, release }),
  );

  async function finish(): Promise<void> {
    for (const { snapshot } of opened) await snapshot.check?.();
    const asTheyAre = layout.volumes.filter((volume) => !snapshots.includes(volume));
    await checkInPlace(
      layout,
      asTheyAre.filter((volume) => !plan.swaps.includes(volume)),
    );
  }

  /** Its part of half of the free space, by its size. */
  function roomFor({ free, size, group }: PlacedVolume): number {
    if (options.snapshotSize !== undefined) return options.snapshotSize;
    const others = snapshots.filter((each) => each.group === group);
    return (free / 2) * (size / others.reduce((sum, each) => sum + each.size, 0));
  }

  async function release(): Promise<void> {
    for (const { device, snapshot } of opened) {
      await device.close();
      await snapshot.release();
    }
    for (const copy of copies) await copy.close();
    await direct.close();
  }
}

/**
 * Limit of this program on what LVM keeps for itself on a physical volume, in bytes: it is held in
 * memory. Mostly it is 1 MiB.
 */
const MAX_METADATA = 64 * 2 ** 20;

/** What lies before and after the extents of a physical volume: its label and metadata. */
async function metadataOf(
  direct: DirectDisk,
  { path, diskOffset, size, extents }: PhysicalVolume,
  diskSize: number,
): Promise<Edit[]> {
  const end = diskOffset + size;
  const length = extents.start - diskOffset + end - extents.end;
  if (length > MAX_METADATA) {
    const what = `${path} has ${length} bytes before and after its extents`;
    throw new KexportError('unsupported', `${what}, more than ${MAX_METADATA}`);
  }
  const read = async (start: number, stop: number): Promise<Edit> => ({
    diskOffset: start,
    bytes: await readAnywhere(direct, start, stop - start, diskSize),
  });
  return [await read(diskOffset, extents.start), await read(extents.end, end)];
}

/** Throws a KexportError if LVM has changed since the plan was made. */
async function checkUnchanged({ disk, layout }: LvmPlan): Promise<void> {
  const now = await diskLayout(disk);
  if (now?.version === layout.version) return;
  throw new KexportError('source', `the volumes on ${disk.path} were changed just now`, {
    hint: 'try again',
  });
}

async function openSnapshot(volume: PlacedVolume, options: LvmDiskOptions): Promise<OpenSnapshot> {
  const snapshot = await snapshotVolume(volume, options);
  try {
    return { snapshot, volume, device: await openDirect(snapshot.path) };
  } catch (error) {
    await snapshot.release();
    throw error;
  }
}

/** The segments of a volume, each of which stands for its extents on the disk. */
function segmentsOf({ volume, device, snapshot }: OpenSnapshot): PartitionCopy[] {
  return volume.segments.map(({ volumeOffset, diskOffset, size }) => ({
    diskOffset,
    size,
    async read(offset, target) {
      try {
        await device.read(volumeOffset + offset, target);
      } catch (error) {
        await snapshot.check?.(); // what has made it invalid explains the error
        throw error;
      }
    },
    close: () => Promise.resolve(), // with the snapshot
  }));
}

function warnOf({ live, stacked }: LvmPlan, onWarning: OnWarning): void {
  const effect = 'it is copied while it may be written to';
  for (const { path, mountPoint } of live) {
    const what = `${path} (${mountPoint}) is too large to be copied beforehand: ${effect}`;
    onWarning(new Warning('inconsistent', what));
  }
  for (const { path } of stacked) {
    const what = `${path} is in use, but not by LVM: ${effect}, and so is what is on it`;
    onWarning(new Warning('inconsistent', what));
  }
}
