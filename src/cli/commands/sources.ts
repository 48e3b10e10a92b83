import { KexportError } from '../../errors.ts';
import { type ListedDisk, listDisks, writableAt } from '../../host/disks.ts';
import { type HostDisk, hostDisk } from '../../host/host-disk.ts';
import { listLogicalVolumes, type LogicalVolume } from '../../lvm/volume.ts';
import { type ListedVolume, listVolumes } from '../../zfs/list-volumes.ts';
import { wholePools } from '../../zfs/live/find-disks.ts';
import { poolsOn, poolStatuses } from '../../zfs/live/live-pools.ts';
import { listPoolDevices, type PoolDevices, poolOnDevice } from '../../zfs/pool-disks.ts';
import { print } from '../command-line/print.ts';
import type { Run } from '../command-line/program.ts';
import { type SourceDisk, sourcesJson, sourcesText } from '../print/sources.ts';

/** Lists the volumes and disks that can be exported, each with the command for it. */
export const run: Run = async (_, { json }) => {
  const { volumes, pools, zfsProblem } = await listZfs();
  const logicalVolumes = await listVolumesOfLvm();
  const sources = { volumes, zfsProblem, logicalVolumes, disks: await listSourceDisks(pools) };
  await print(json ? sourcesJson(sources) : sourcesText(sources));
  return 0;
};

interface ZfsSources {
  readonly volumes: readonly ListedVolume[];
  readonly pools: readonly PoolDevices[];
  /** Why ZFS cannot list the volumes; the disks are still listed. */
  readonly zfsProblem?: string;
}

async function listZfs(): Promise<ZfsSources> {
  try {
    return { volumes: await listVolumes(), pools: await listPoolDevices() };
  } catch (error) {
    if (!(error instanceof KexportError)) throw error;
    return { volumes: [], pools: [], zfsProblem: error.message };
  }
}

/** None where LVM cannot be asked: the disks that it lies on are listed all the same. */
async function listVolumesOfLvm(): Promise<LogicalVolume[]> {
  try {
    return await listLogicalVolumes();
  } catch (error) {
    if (error instanceof KexportError) return [];
    throw error;
  }
}

type Statuses = Awaited<ReturnType<typeof poolStatuses>>;

async function listSourceDisks(pools: readonly PoolDevices[]): Promise<SourceDisk[]> {
  let statuses: Promise<Statuses> | undefined;
  return Promise.all(
    (await listDisks()).map(async (disk) => {
      const pool = await poolOnDevice(disk.path, pools);
      if (pool === undefined) return { ...disk, pool, obstacle: obstacleOfMounts(disk) };
      return { ...disk, pool, ...(await exportableAs(disk, (statuses ??= poolStatuses()))) };
    }),
  );
}

/** Why the export of a mounted disk would be torn. */
function obstacleOfMounts({ mounts }: ListedDisk): string | undefined {
  const places = writableAt(mounts);
  return places && `mounted read-write at ${places}, so it changes while it is read`;
}

/** How a disk whose pool is in use can be exported. */
async function exportableAs(
  { path }: ListedDisk,
  statuses: Promise<Statuses>,
): Promise<Pick<SourceDisk, 'wholePool' | 'obstacle'>> {
  try {
    const found = await statuses;
    const disk = await hostDisk(path);
    if (!disk || (await obstacleOn([disk], found)) === undefined) return { obstacle: undefined };
    const obstacle = await obstacleOn(await wholePools([disk], found), found);
    return { wholePool: obstacle === undefined ? true : undefined, obstacle };
  } catch (error) {
    return { obstacle: textOf(error) };
  }
}

/** Why disks whose pools are in use cannot be exported; undefined if they can. */
async function obstacleOn(
  disks: readonly HostDisk[],
  statuses: Statuses,
): Promise<string | undefined> {
  try {
    await poolsOn(disks, statuses);
    return undefined;
  } catch (error) {
    return textOf(error);
  }
}

function textOf(error: unknown): string {
  if (error instanceof KexportError) return error.message;
  throw error;
}
