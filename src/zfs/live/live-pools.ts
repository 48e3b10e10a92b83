// The pools of a disk, each found fit for a checkpoint and for being imported from that disk alone.

import { KexportError } from '../../errors.ts';
import { type HostDisk, type HostPartition, layerBelow } from '../../host/host-disk.ts';
import { fields, zpool } from '../run.ts';
import { devicesOf, poolShape } from './pool-shape.ts';
import { parsePoolStatus, type PoolStatus } from './pool-status.ts';

/** A pool of which all that matters is on the disk. */
export interface LivePool {
  /** The name of the pool. */
  readonly name: string;
  /** The partitions that hold it. */
  readonly vdevs: readonly HostPartition[];
  /** Sides of mirrors on other disks. */
  readonly missing: readonly string[];
  /** In bytes. */
  readonly size: number;
  /** In bytes. */
  readonly free: number;
  /**
   * Whether the property is on, which has an import wait to see that no other host uses the pool.
   */
  readonly multihost: boolean;
}

/** What `zpool status` tells of each imported pool, by their names. Throws a KexportError. */
export async function poolStatuses(): Promise<ReadonlyMap<string, PoolStatus>> {
  const statuses = new Map<string, PoolStatus>();
  for (const name of await zpool(['list', '-H', '-o', 'name'])) {
    statuses.set(name, parsePoolStatus(await zpool(['status', '-PL', name])));
  }
  return statuses;
}

/**
 * Those of the imported pools that are on a disk, at least one. Throws a KexportError if one of
 * them cannot be exported with it.
 */
export async function poolsOn(
  disk: HostDisk,
  statuses: ReadonlyMap<string, PoolStatus>,
): Promise<LivePool[]> {
  const parts = new Map([disk, ...disk.partitions].map((part) => [part.path, part]));
  const pools: LivePool[] = [];
  for (const [name, status] of statuses) {
    const layers = await layersOn(status, parts);
    const isOnDisk = (device: string) => parts.has(device);
    const shape = poolShape(status, isOnDisk, (device) => layers.get(device));
    const { present, missing, obstacle } = shape;
    if (present.length === 0 && layers.size === 0) continue;
    if (obstacle !== undefined) {
      throw new KexportError('source', `pool ${name} is not all on ${disk.path}: ${obstacle}`, {
        hint: 'export its volumes one by one, or replicate it with zfs send',
      });
    }
    pools.push({
      name,
      vdevs: present.map((device) => parts.get(device)!), // poolShape asked for each
      missing,
      ...(await factsOf(name)),
    });
  }
  if (pools.length > 0) return pools;
  throw new KexportError('source', `no pool of this machine is on ${disk.path}`, {
    hint: `a disk that is not in use: kexport all ${disk.path}`,
  });
}

/**
 * What is between the devices of a pool and the disk, where they are not its partitions themselves.
 */
async function layersOn(
  { topLevel }: PoolStatus,
  parts: ReadonlyMap<string, HostPartition>,
): Promise<ReadonlyMap<string, string>> {
  const layers = new Map<string, string>();
  const holding = topLevel.filter(({ role }) => role !== 'cache' && role !== 'spare');
  for (const { name } of holding.flatMap(devicesOf)) {
    const layer = await layerBelow(name);
    const part = layer?.devices.find((device) => parts.has(device));
    if (layer && part !== undefined) layers.set(name, `${layer.kind} on ${part}`);
  }
  return layers;
}

/** Throws a KexportError if no checkpoint can be taken. */
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
      hint: `kexport clean tells whose it is; if nobody wants to rewind to it: zpool checkpoint -d ${pool}`,
    });
  }
  return {
    size: Number(properties.get('size')),
    free: Number(properties.get('free')),
    multihost: properties.get('multihost') === 'on',
  };
}
