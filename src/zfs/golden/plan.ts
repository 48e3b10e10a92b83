// Plans a golden image of this machine, without changing anything.

import { readFile, stat, statfs } from 'node:fs/promises';
import { basename } from 'node:path';
import { host } from '#host';
import { asKexportError, KexportError, option, Warning, wording } from '../../errors.ts';
import type { HostDisk } from '../../host/host-disk.ts';
import { listMounts, type Mount, rootMount } from '../../host/mounts.ts';
import { openDirect } from '../../live/direct-disk.ts';
import type { MountedPartition } from '../../live/mounted-copy.ts';
import { readVdevLabels } from '../live/vdev-labels.ts';
import { datasetOf } from '../device.ts';
import { poolOf } from '../names.ts';
import { zfs, zpool } from '../run.ts';
import { namedRoots, namesRoot } from './boot-loader.ts';
import {
  type Chosen,
  chooseDatasets,
  DATASET_COLUMNS,
  parseDatasets,
  type SendUnit,
  sendUnits,
  type SourceDataset,
} from './datasets.ts';
import { type HostKeyMaker, hostKeyMaker } from './host-key-unit.ts';
import { findIdentity, type IdentityFound, type IdentityKept } from './identity.ts';
import { diskSizeFor, type GoldenLayout, planLayout, type SourceTable } from './layout.ts';
import { poolSizeFor, spaceOf } from './needed-space.ts';
import { parsePoolProperties, type PoolProperties } from './pool-properties.ts';
import { diskToCopy, fatesOf, type PartitionFate, readTable } from './source-disk.ts';
import { mountsToSearch, type SourceMount } from './source-mounts.ts';

/** How a golden image is made. */
export interface GoldenOptions {
  /** Size of its disk in bytes, a multiple of 1 MiB. Default: that of the source. */
  readonly diskSize?: number | undefined;
  /** The boot environment, by its name or the last part of it. Default: the one that runs. */
  readonly bootEnvironment?: string | undefined;
  /** Keeps the snapshots of the source, which have its identity. */
  readonly withSnapshots?: boolean | undefined;
}

/** What an export of a golden image will do. */
export interface GoldenPlan {
  /** The disk that the layout and the boot partitions are of. */
  readonly disk: HostDisk;
  readonly table: SourceTable;
  readonly layout: GoldenLayout;
  /** What becomes of each partition, in the order of the disk. */
  readonly fates: readonly PartitionFate[];
  readonly pool: string;
  readonly ashift: number;
  readonly properties: PoolProperties;
  /** The dataset that `bootfs` of the image names. */
  readonly bootEnvironment: SourceDataset;
  readonly datasets: readonly SourceDataset[];
  readonly leftOut: readonly SourceDataset[];
  /** In the order in which they are sent. */
  readonly units: readonly SendUnit[];
  /** What is destroyed in the image since it came with an encrypted tree. */
  readonly destroyed: readonly string[];
  readonly withSnapshots: boolean;
  /** The file systems whose copies are searched for the identity, the root first. */
  readonly searched: readonly SourceMount[];
  /** Encryption roots of those, whose keys lie in files. */
  readonly keys: readonly string[];
  /** What the pool of the image will hold, in bytes. */
  readonly space: number;
  /** What is found now; undefined if the boot environment is not the one that runs. */
  readonly identity:
    | { readonly removed: readonly IdentityFound[]; readonly kept: readonly IdentityKept[] }
    | undefined;
  /** Undefined likewise. */
  readonly hostKeys: HostKeyMaker | undefined;
  readonly warnings: readonly Warning[];
}

/**
 * Looks at this machine, whose root must be on ZFS. Throws a KexportError if no such image can be
 * made of it, or has no room.
 */
export async function planGoldenImage(options: GoldenOptions = {}): Promise<GoldenPlan> {
  const { diskSize, bootEnvironment: wanted, withSnapshots = false } = options;
  const root = await rootMount();
  if (root?.type !== 'zfs') {
    const found = root ? `the root of this machine is ${root.type}` : 'nothing says what / is';
    throw new KexportError('usage', `a golden image needs a root on ZFS, and ${found}`);
  }
  const running = root.source;
  const pool = poolOf(running);
  const mounts = await listMounts();
  const chosen = chooseDatasets(await datasetsOf(pool), running, wanted);
  const { bootEnvironment, datasets, leftOut } = chosen;
  const { units, destroyed } = sendUnits(chosen);
  const isRunning = bootEnvironment.name === running;
  const searched = mountsToSearch(datasets, bootEnvironment, isRunning ? mounts : []);
  const { keys, locked } = keysFor(searched, datasets);
  const disk = await diskToCopy(pool);
  const { table, fates, ashift } = await lookAt(disk, pool, mounts);
  const layout = layoutOf(disk, table, fates, diskSize);
  const space = spaceOf(datasets, { withSnapshots });
  checkRoom(pool, table, layout, space);
  await checkSpool(space);
  const kept = { searched: searched.filter(({ dataset }) => !locked.has(dataset.name)) };
  return {
    ...{ disk, table, layout, fates, pool, ashift },
    properties: parsePoolProperties(await zpool(['get', '-Hp', '-o', COLUMNS, 'all', pool])),
    ...{ bootEnvironment, datasets, leftOut, units, destroyed, withSnapshots, keys, space },
    ...kept,
    identity: isRunning ? await findIdentity('/', await devicesOf(kept.searched)) : undefined,
    hostKeys: isRunning ? await hostKeyMaker('/') : undefined,
    warnings: [
      ...lockedWarnings([...locked]),
      ...(withSnapshots ? [snapshotWarning()] : []),
      ...(await swapWarnings(datasets)),
      ...(await bootWarnings(chosen, fates, isRunning)),
    ],
  };
}

const COLUMNS = 'property,value,source';

async function datasetsOf(pool: string): Promise<SourceDataset[]> {
  const types = 'filesystem,volume';
  return parseDatasets(await zfs(['list', '-Hp', '-t', types, '-o', DATASET_COLUMNS, '-r', pool]));
}

/**
 * The encryption roots whose keys must be loaded to look into the copies, and the file systems that
 * cannot be looked into: a passphrase is not asked for. Throws a KexportError if that is the root.
 */
function keysFor(
  searched: readonly SourceMount[],
  datasets: readonly SourceDataset[],
): { readonly keys: readonly string[]; readonly locked: ReadonlySet<string> } {
  const keys = new Set<string>();
  const locked = new Set<string>();
  for (const { dataset, mountPoint } of searched) {
    const { name, encryptionRoot } = dataset;
    if (encryptionRoot === undefined) continue;
    const { keyLocation } = datasets.find((one) => one.name === encryptionRoot) ?? dataset;
    if (keyLocation?.startsWith('file://')) keys.add(encryptionRoot);
    else if (mountPoint !== '/') locked.add(name);
    else {
      const what = `${name} is encrypted by a passphrase, and its identity cannot be removed without it`;
      throw new KexportError('unsupported', what, {
        hint: `a key in a file can be used: zfs change-key -o keyformat=raw -o keylocation=file:///PATH ${encryptionRoot}`,
      });
    }
  }
  return { keys: [...keys], locked };
}

/** Reads the partition table and the labels of the pool. */
async function lookAt(disk: HostDisk, pool: string, mounts: readonly Mount[]) {
  const direct = await openDirect(disk.path);
  try {
    const table = await readTable(disk, direct);
    const fates = await fatesOf(disk, direct, pool, mounts);
    const vdev = fates.find(({ kind }) => kind === 'pool');
    if (!vdev) throw new KexportError('source', `pool ${pool} is in no partition of ${disk.path}`);
    const { config } = await readVdevLabels(direct, vdev.partition);
    return { table, fates, ashift: config.ashift };
  } finally {
    await direct.close();
  }
}

function layoutOf(
  disk: HostDisk,
  table: SourceTable,
  fates: readonly PartitionFate[],
  diskSize: number | undefined,
): GoldenLayout {
  const index = fates.find(({ kind }) => kind === 'pool')?.partition.index ?? 0;
  try {
    return planLayout(table, index, diskSize);
  } catch (error) {
    throw asKexportError(error, disk.path);
  }
}

function checkRoom(pool: string, table: SourceTable, layout: GoldenLayout, space: number): void {
  const needed = poolSizeFor(space);
  const { diskSize } = layout;
  if (layout.pool.size >= needed) return;
  const mebibytes = Math.ceil(diskSizeFor(table, layout, needed) / MIB);
  const holds = `pool ${pool} has ${Math.ceil(space / MIB)} MiB in its image`;
  const what = `a disk of ${Math.ceil(diskSize / MIB)} MiB is too small: ${holds}`;
  throw new KexportError('usage', what, {
    hint: wording`give it ${option('diskSize', `${mebibytes}M`)} or more`,
  });
}

const MIB = 2 ** 20;

/** The pool of the image is made in a temporary file, which takes about what it holds. */
async function checkSpool(space: number): Promise<void> {
  const folder = host.temporaryFolder();
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize >= space) return;
  const free = `${Math.floor((bavail * bsize) / MIB)} MiB are free`;
  const what = `the image is made in ${folder} first, where it takes ${Math.ceil(space / MIB)} MiB and ${free}`;
  throw new KexportError('target', what, { hint: 'set TMPDIR to a folder with room for it' });
}

/** The numbers of file systems, as stat(2) has them. */
async function devicesOf(searched: readonly SourceMount[]): Promise<ReadonlySet<number>> {
  const found = searched.map(({ mountPoint }) => stat(mountPoint).catch(() => undefined));
  return new Set((await Promise.all(found)).flatMap((one) => (one ? [one.dev] : [])));
}

function lockedWarnings(locked: readonly string[]): Warning[] {
  return locked.map((name) => {
    const what = `${name} is encrypted by a passphrase: its copy is not looked into`;
    return new Warning('identity', `${what}, and keeps what there is of this machine`);
  });
}

function snapshotWarning(): Warning {
  const what = 'the snapshots keep what the image otherwise loses, SSH host keys among it';
  return new Warning('identity', `${what}: give such an image to nobody else`);
}

/** Warns of volumes that this machine swaps to: they have pieces of its memory. */
async function swapWarnings(datasets: readonly SourceDataset[]): Promise<Warning[]> {
  const lines = (await readFile('/proc/swaps', 'latin1')).split('\n');
  const devices = lines.map((line) => basename(line.split(' ', 1)[0] ?? ''));
  const warnings: Warning[] = [];
  for (const device of devices.filter((name) => /^zd\d+$/.test(name))) {
    const volume = await datasetOf(device);
    if (!datasets.some(({ name }) => name === volume)) continue;
    const what = `${volume} is swap of this machine, and is copied with the memory that it has`;
    warnings.push(new Warning('identity', `${what}: swapoff it first, and zero it`));
  }
  return warnings;
}

/** Says where the boot loader would start something that the image does not have. */
async function bootWarnings(
  { bootEnvironment }: Chosen,
  fates: readonly PartitionFate[],
  isRunning: boolean,
): Promise<Warning[]> {
  const mounted = fates.flatMap(({ mounted: found }) => (found ? [found] : []));
  const esp = mounted.find(({ type }: MountedPartition) => type === 'vfat')?.mountPoint;
  const named = await namedRoots(esp, isRunning ? '/' : undefined);
  const [first] = named;
  const { name } = bootEnvironment;
  if (!first || named.some((one) => namesRoot(one, name))) return [];
  const what = `the boot loader starts ${first.dataset} (${first.file}), and the image has ${name} in its place`;
  return [new Warning('import', `${what}: change that in the image's boot partition`)];
}
