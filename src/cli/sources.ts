import type { Command } from 'commander';
import { type ListedDisk, listDisks } from '../host/disks.ts';
import { KexportError } from '../errors.ts';
import { hostDisk } from '../host/host-disk.ts';
import { shellWord } from '../host/shell-word.ts';
import { type ListedVolume, listVolumes } from '../zfs/list-volumes.ts';
import { poolsOn, poolStatuses } from '../zfs/live/live-pools.ts';
import { listPoolDevices, type PoolDevices, poolOnDevice } from '../zfs/pool-disks.ts';
import { formatSize } from './sizes.ts';
import { formatTable } from './table.ts';

export function describe(command: Command): Command {
  return command.option('--json', 'as JSON, sizes in bytes, with all snapshots');
}

/** Lists what can be exported, each with the command to type. Returns the exit status. */
export async function run(command: Command): Promise<number> {
  const sources = await findSources();
  const json = command.opts<{ json?: boolean }>().json === true;
  process.stdout.write(json ? jsonOf(sources) : textOf(sources));
  return 0;
}

interface Sources {
  readonly volumes: readonly ListedVolume[];
  /** Why no volume can be listed. */
  readonly zfsProblem: string | undefined;
  readonly disks: readonly SourceDisk[];
}

interface SourceDisk extends ListedDisk {
  /** The pool in use on it, or on LUKS and its like upon it. */
  readonly pool: string | undefined;
  /** Why the disk cannot be exported while that pool is in use. */
  readonly obstacle: string | undefined;
}

async function findSources(): Promise<Sources> {
  let volumes: readonly ListedVolume[] = [];
  let pools: readonly PoolDevices[] = [];
  let zfsProblem: string | undefined;
  try {
    volumes = await listVolumes();
    pools = await listPoolDevices();
  } catch (error) {
    // The disks are worth a listing all the same.
    if (!(error instanceof KexportError)) throw error;
    zfsProblem = error.message;
  }
  let statuses: ReturnType<typeof poolStatuses> | undefined;
  const disks = await Promise.all(
    (await listDisks()).map(async (disk) => {
      const pool = await poolOnDevice(disk.path, pools);
      return {
        ...disk,
        pool,
        obstacle: pool && (await obstacleOn(disk, (statuses ??= poolStatuses()))),
      };
    }),
  );
  return { volumes, zfsProblem, disks };
}

async function obstacleOn(
  { path }: ListedDisk,
  statuses: ReturnType<typeof poolStatuses>,
): Promise<string | undefined> {
  try {
    const found = await statuses;
    const disk = await hostDisk(path);
    if (disk) await poolsOn(disk, found);
    return undefined;
  } catch (error) {
    if (error instanceof KexportError) return error.message;
    throw error;
  }
}

/** Snapshots of a volume that are listed for people. */
const MAX_SNAPSHOTS = 3;

function textOf({ volumes, zfsProblem, disks }: Sources): string {
  const volumeHead = ['ZFS VOLUME', 'SIZE', 'USED', 'COMMAND'];
  const volumeRows = volumes.flatMap((volume) => {
    const shown = volume.snapshots.slice(-MAX_SNAPSHOTS);
    const hidden = volume.snapshots.length - shown.length;
    return [
      [volume.name, formatSize(volume.size), formatSize(volume.used), commandFor(volume.name)],
      ...(hidden > 0 ? [[`  ${hidden} older snapshots`, '', '', '']] : []),
      ...shown.map(({ name, size, used }) => [
        `  ${name.slice(volume.name.length)}`,
        formatSize(size),
        formatSize(used),
        commandFor(name),
      ]),
    ];
  });
  const noVolumes = `no ZFS volumes: ${zfsProblem ?? 'the pools have none'}\n`;
  const diskHead = ['DISK', 'SIZE', 'MODEL', 'IN USE', 'COMMAND'];
  const diskRows = disks.map((disk) => [
    disk.path,
    formatSize(disk.size),
    disk.model ?? '',
    useOf(disk),
    disk.obstacle === undefined ? commandForDisk(disk) : `none: ${disk.obstacle}`,
  ]);
  const volumeTable = volumes.length > 0 ? formatTable([volumeHead, ...volumeRows]) : noVolumes;
  const diskTable = disks.length > 0 ? formatTable([diskHead, ...diskRows]) : 'no disks\n';
  return `${volumeTable}\n${diskTable}`;
}

function useOf({ pool, mountPoints }: SourceDisk): string {
  const pools = pool === undefined ? [] : [`pool ${pool}`];
  return [...pools, ...mountPoints].join(', ');
}

function commandFor(name: string): string {
  return `kexport all ${shellWord(name)}`;
}

/** One with a pool in use is exported as of a checkpoint. */
function commandForDisk({ path, pool }: SourceDisk): string {
  return pool === undefined ? commandFor(path) : `kexport all --disk ${path}`;
}

function jsonOf({ volumes, zfsProblem, disks }: Sources): string {
  const sources = {
    volumes: volumes.map((volume) => ({
      ...volume,
      command: commandFor(volume.name),
      snapshots: volume.snapshots.map((one) => ({ ...one, command: commandFor(one.name) })),
    })),
    zfsProblem,
    disks: disks.map((disk) => ({
      ...disk,
      command: disk.obstacle === undefined ? commandForDisk(disk) : undefined,
    })),
  };
  return `${JSON.stringify(sources, undefined, 2)}\n`;
}
