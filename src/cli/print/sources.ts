import type { ListedDisk } from '../../host/disks.ts';
import { shellWord } from '../../host/shell-word.ts';
import type { LogicalVolume } from '../../lvm/volume.ts';
import type { ListedVolume } from '../../zfs/list-volumes.ts';
import { jsonText } from './lines.ts';
import { formatSize } from './sizes.ts';
import { formatHeadedTable } from './table.ts';

/** The volumes and disks that can be exported. */
export interface Sources {
  readonly volumes: readonly ListedVolume[];
  /** Why no volume can be listed. */
  readonly zfsProblem: string | undefined;
  /** Of LVM; none where it cannot be asked. */
  readonly logicalVolumes: readonly LogicalVolume[];
  readonly disks: readonly SourceDisk[];
}

export interface SourceDisk extends ListedDisk {
  /** The pool in use on it, or on LUKS, LVM or md above it. */
  readonly pool: string | undefined;
  /** True if the disk can only be exported with the other disks of that pool. */
  readonly wholePool?: boolean | undefined;
  /** Why the disk cannot be exported as it is used now. */
  readonly obstacle: string | undefined;
}

/** How many snapshots of a volume are listed. */
const MAX_SNAPSHOTS = 3;

/** The output of `kexport sources`. */
export function sourcesText({ volumes, zfsProblem, logicalVolumes, disks }: Sources): string {
  const volumeHead = ['ZFS VOLUME', 'SIZE', 'USED', 'COMMAND'];
  const noVolumes = `no ZFS volumes: ${zfsProblem ?? 'the pools have none'}\n`;
  const diskHead = ['DISK', 'SIZE', 'MODEL', 'IN USE', 'COMMAND'];
  const volumeTable =
    volumes.length > 0
      ? formatHeadedTable('stdout', [volumeHead, ...volumes.flatMap(volumeRows)])
      : noVolumes;
  const diskTable =
    disks.length > 0
      ? formatHeadedTable('stdout', [diskHead, ...disks.map(diskRow)])
      : 'no disks\n';
  const logicalHead = ['LOGICAL VOLUME', 'SIZE', 'IN USE', 'COMMAND'];
  const logicalTable =
    logicalVolumes.length > 0
      ? `${formatHeadedTable('stdout', [logicalHead, ...logicalVolumes.map(logicalRow)])}\n`
      : '';
  return `${volumeTable}\n${logicalTable}${diskTable}`;
}

/** The output of `kexport sources --json`; sizes in bytes. */
export function sourcesJson({ volumes, zfsProblem, logicalVolumes, disks }: Sources): string {
  return jsonText({
    volumes: volumes.map((volume) => ({
      ...volume,
      command: commandFor(volume.name),
      snapshots: volume.snapshots.map((one) => ({ ...one, command: commandFor(one.name) })),
    })),
    zfsProblem,
    logicalVolumes: logicalVolumes.map(({ name, path, size, isOpen }) => ({
      ...{ name, path, size, isOpen },
      command: commandFor(path),
    })),
    disks: disks.map((disk) => {
      const { mounts, ...facts } = disk;
      const command = disk.obstacle === undefined ? commandForDisk(disk) : undefined;
      return { ...facts, mountPoints: mounts.map(({ mountPoint }) => mountPoint), command };
    }),
  });
}

function volumeRows({ name, size, used, snapshots }: ListedVolume): string[][] {
  const shown = snapshots.slice(-MAX_SNAPSHOTS);
  const hidden = snapshots.length - shown.length;
  return [
    [name, formatSize(size), formatSize(used), commandFor(name)],
    ...(hidden > 0 ? [[`  ${hidden} older snapshots`, '', '', '']] : []),
    ...shown.map((snapshot) => [
      `  ${snapshot.name.slice(name.length)}`,
      formatSize(snapshot.size),
      formatSize(snapshot.used),
      commandFor(snapshot.name),
    ]),
  ];
}

function logicalRow({ name, path, size, isOpen }: LogicalVolume): string[] {
  return [name, formatSize(size), isOpen ? 'yes' : 'no', commandFor(path)];
}

function diskRow(disk: SourceDisk): string[] {
  const { path, size, model = '', pool, mounts, obstacle } = disk;
  const mountPoints = mounts.map(({ mountPoint }) => mountPoint);
  const uses = [...(pool === undefined ? [] : [`pool ${pool}`]), ...mountPoints].join(', ');
  const command = obstacle === undefined ? commandForDisk(disk) : `none: ${obstacle}`;
  return [path, formatSize(size), model, uses, command];
}

function commandFor(name: string): string {
  return `kexport all ${shellWord(name)}`;
}

function commandForDisk({ path, pool, wholePool }: SourceDisk): string {
  if (pool === undefined) return commandFor(path);
  return `${commandFor(path)} ${wholePool ? '--whole-pool' : '--checkpoint'}`;
}
