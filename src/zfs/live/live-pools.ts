// Finds the pools of a disk, and checks that each can take a checkpoint and be imported from that
// disk alone.

import { KexportError } from '../../errors.ts';
import { type HostDisk, type HostPartition, layerBelow } from '../../host/host-disk.ts';
import { fields, zpool } from '../run.ts';
import { devicesOf, poolShape } from './pool-shape.ts';
import { parsePoolStatus, type PoolStatus } from './pool-status.ts';

/** A pool that can be imported from the disk alone. */
export interface LivePool {
  /** Its name on this machine. */
  readonly name: string;
  /** The partitions that hold it. */
  readonly vdevs: readonly HostPartition[];
  /** Devices of its mirrors on other disks. */
  readonly missing: readonly string[];
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
 * The imported pools that lie on a disk. Throws a KexportError if there are none, or if one of them
 * cannot be exported with the disk.
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
      // poolShape only returns devices that `parts` has
      vdevs: present.map((device) => parts.get(device)!),
      missing,
      ...(await factsOf(name)),
    });
  }
  if (pools.length > 0) return pools;
  throw new KexportError('source', `no pool of this machine is on ${disk.path}`, {
    hint: `for a disk that is not in use: kexport all ${disk.path}`,
  });
}

/**
 * The layers, such as LUKS, between the disk and those devices of a pool that are not partitions of
 * the disk themselves.
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
