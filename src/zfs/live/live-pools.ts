// Finds the pools of disks, and checks that each can take a checkpoint and be imported from those
// disks alone.

import { KexportError } from '../../errors.ts';
import { type HostDisk, type HostPartition, layerBelow } from '../../host/host-disk.ts';
import { shellWord } from '../../host/shell-word.ts';
import { fields, zpool } from '../run.ts';
import { layerHint } from './find-disks.ts';
import { devicesOf, holdsData, type Obstacle, poolShape } from './pool-shape.ts';
import { parsePoolStatus, type PoolStatus } from './pool-status.ts';

/** A device of a pool. */
export interface PoolDevice extends HostPartition {
  /** The path of the disk that it is on. */
  readonly disk: string;
}

/** A pool that can be imported from the disks to export. */
export interface LivePool {
  /** Its name on this machine. */
  readonly name: string;
  /** The partitions that hold it. */
  readonly vdevs: readonly PoolDevice[];
  /** Its caches and idle spares on the disks, which hold nothing of it. */
  readonly idle: readonly PoolDevice[];
  /** Devices of its mirrors that are not on the disks. */
  readonly missing: readonly string[];
  /** Devices of its raidz and dRAID that this machine lacks too. */
  readonly absent: readonly string[];
  /** In bytes. */
  readonly size: number;
  /** In bytes. */
  readonly free: number;
  /**
   * Whether the property `multihost` is on: an import then waits to see that no other host uses the
   * pool.
   */
  readonly multihost: boolean;
}

/** The output of `zpool status` for each imported pool, by name. Throws a KexportError. */
export async function poolStatuses(): Promise<ReadonlyMap<string, PoolStatus>> {
  const statuses = new Map<string, PoolStatus>();
  for (const name of await zpool(['list', '-H', '-o', 'name'])) {
    statuses.set(name, parsePoolStatus(await zpool(['status', '-PL', name])));
  }
  return statuses;
}

/**
 * The imported pools that lie on disks. Throws a KexportError if there are none, or if one of them
 * cannot be exported with those disks.
 */
export async function poolsOn(
  disks: readonly HostDisk[],
  statuses: ReadonlyMap<string, PoolStatus>,
): Promise<LivePool[]> {
  const parts = new Map(
    disks.flatMap((disk) =>
      [disk, ...disk.partitions].map((part) => [part.path, { ...part, disk: disk.path }]),
    ),
  );
  // poolShape only returns devices that `parts` has
  const partsAt = (paths: readonly string[]) => paths.map((path) => parts.get(path)!);
  const pools: LivePool[] = [];
  for (const [name, status] of statuses) {
    const layers = await layersOn(status, parts);
    const isOnDisks = (device: string) => parts.has(device);
    const shape = poolShape(status, isOnDisks, (device) => layers.get(device));
    const { present, idle, missing, absent, obstacle } = shape;
    if (present.length === 0 && layers.size === 0) continue;
    if (obstacle !== undefined) throw await notAll(name, disks, obstacle);
    pools.push({
      name,
      vdevs: partsAt(present),
      idle: partsAt(idle),
      missing,
      absent,
      ...(await factsOf(name)),
    });
  }
  if (pools.length > 0) return pools;
  throw new KexportError('source', `no pool of this machine is on ${namesOf(disks)}`, {
    hint: `for a disk that is not in use: kexport all ${disks[0]?.path ?? ''}`,
  });
}

/** The paths of disks, as a list in a sentence. */
export function namesOf(disks: readonly HostDisk[]): string {
  return disks
    .map(({ path }) => path)
    .join(', ')
    .replace(/, ([^,]*)$/, ' and $1');
}

async function notAll(
  pool: string,
  disks: readonly HostDisk[],
  { what, isElsewhere, device }: Obstacle,
): Promise<KexportError> {
  const paths = disks.map(({ path }) => shellWord(path)).join(' ');
  const hint = isElsewhere
    ? `all its disks at one instant: kexport all ${paths} --whole-pool`
    : 'export its volumes one by one, or replicate it with zfs send';
  return new KexportError('source', `pool ${pool} is not all on ${namesOf(disks)}: ${what}`, {
    hint: device === undefined ? hint : await layerHint(device),
  });
}

/**
 * The layers, such as LUKS, between the disks and those devices of a pool that are not partitions
 * of the disks themselves.
 */
async function layersOn(
  { topLevel }: PoolStatus,
  parts: ReadonlyMap<string, HostPartition>,
): Promise<ReadonlyMap<string, string>> {
  const layers = new Map<string, string>();
  for (const { name } of topLevel.filter(holdsData).flatMap(devicesOf)) {
    const layer = await layerBelow(name);
    const part = layer?.devices.find((device) => parts.has(device));
    if (layer && part !== undefined) layers.set(name, `${layer.kind} on ${part}`);
  }
  return layers;
}

/** Throws a KexportError if the pool cannot take a checkpoint. */
async function factsOf(pool: string): Promise<Pick<LivePool, 'size' | 'free' | 'multihost'>> {
  const names = 'size,free,multihost,checkpoint,feature@zpool_checkpoint';
  const rows = fields(await zpool(['get', '-Hp', '-o', 'property,value', names, pool]));
  const properties = new Map(rows.map(([name = '', value = '']) => [name, value]));
  if (properties.get('feature@zpool_checkpoint') === 'disabled') {
    throw new KexportError('source', `pool ${pool} has no checkpoints: that feature is disabled`, {
      hint: `zpool set feature@zpool_checkpoint=enabled ${pool}`,
    });
  }
  if (properties.get('checkpoint') !== '-') {
    throw new KexportError('source', `pool ${pool} has a checkpoint, and it can have only one`, {
      hint: `kexport clean shows whose it is; if nobody wants to rewind to it: zpool checkpoint -d ${pool}`,
    });
  }
  return {
    size: Number(properties.get('size')),
    free: Number(properties.get('free')),
    multihost: properties.get('multihost') === 'on',
  };
}
