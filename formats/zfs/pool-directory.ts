// The directory of a pool: its features, its vdevs, and the logs of its space maps.
//   object 1, a ZAP -> "config", a name-value list -> the tree of vdevs
//                   -> "features_for_read", "features_for_write", ZAPs -> use count of each feature
//                   -> "com.delphix:log_spacemap_zap", a ZAP -> the log of each transaction group
// Sources: OpenZFS, sys/dmu.h (DMU_POOL_...), sys/fs/zfs.h (ZPOOL_CONFIG_...),
// module/zfs/spa_log_spacemap.c.

import { damaged, unsupported } from './faults.ts';
import { viewOf } from '../struct.ts';
import { decodeNvList, isNvList, type NvList, type NvValue } from './decode-nvlist.ts';
import type { PoolObject, PoolObjects } from './pool-objects.ts';
import { readZap, type Zap } from './zap.ts';

/** A top-level vdev in the configuration of its pool. */
export interface TopVdev {
  /** `disk`, `file`, `mirror`, `raidz`, `draid`; `indirect` or `hole` if it was removed. */
  readonly type: string;
  readonly guid: bigint;
  /** Base-2 logarithm of the smallest block. */
  readonly ashift: number;
  /** Base-2 logarithm of the size of a metaslab. */
  readonly metaslabShift: number;
  /** Object with the object numbers of the space maps, one for each metaslab. */
  readonly metaslabArray: number;
  /** Allocatable bytes. */
  readonly allocatable: number;
  /** Object of the ZAP with its further properties; undefined if it has none. */
  readonly zap: number | undefined;
  /** Object that says where the blocks of a removed vdev are now. */
  readonly mapping: number | undefined;
}

/** A log of the allocations and frees of one transaction group in all vdevs. */
export interface SpaceLog {
  readonly txg: bigint;
  /** Number of its object, which is a space map. */
  readonly object: number;
}

/** What the directory of a pool says. */
export interface PoolDirectory {
  /** Top-level vdevs by their numbers. */
  readonly vdevs: ReadonlyMap<number, TopVdev>;
  /** Sorted by transaction group. */
  readonly logs: readonly SpaceLog[];
}

const DIRECTORY_OBJECT = 1; // DMU_POOL_DIRECTORY_OBJECT
const PACKED_LIST = 3; // DMU_OT_PACKED_NVLIST
/** Limit of this program on the configuration of a pool, in bytes. */
const MAX_CONFIG_SIZE = 16 * 2 ** 20;

/**
 * Features that do not change how free space is stored, except the first eight, which are supported.
 */
const KNOWN_FEATURES = new Set([
  'com.delphix:spacemap_histogram',
  'com.delphix:spacemap_v2',
  'com.delphix:log_spacemap',
  'com.delphix:zpool_checkpoint',
  'com.delphix:device_removal',
  'com.delphix:obsolete_counts',
  'org.openzfs:draid',
  'org.openzfs:raidz_expansion',
  'com.datto:bookmark_v2',
  'com.datto:encryption',
  'com.datto:resilver_defer',
  'com.delphix:async_destroy',
  'com.delphix:bookmark_written',
  'com.delphix:bookmarks',
  'com.delphix:embedded_data',
  'com.delphix:empty_bpobj',
  'com.delphix:enabled_txg',
  'com.delphix:extensible_dataset',
  'com.delphix:head_errlog',
  'com.delphix:hole_birth',
  'com.delphix:livelist',
  'com.delphix:redacted_datasets',
  'com.delphix:redaction_bookmarks',
  'com.delphix:redaction_list_spill',
  'com.fudosecurity:block_cloning',
  'com.joyent:filesystem_limits',
  'com.joyent:multi_vdev_crash_dump',
  'com.klarasystems:fast_dedup',
  'com.klarasystems:large_microzap',
  'com.klarasystems:vdev_zaps_v2',
  'com.truenas:block_cloning_endian',
  'org.freebsd:zstd_compress',
  'org.illumos:edonr',
  'org.illumos:lz4_compress',
  'org.illumos:sha512',
  'org.illumos:skein',
  'org.open-zfs:large_blocks',
  'org.openzfs:blake3',
  'org.openzfs:device_rebuild',
  'org.openzfs:zilsaxattr',
  'org.zfsonlinux:allocation_classes',
  'org.zfsonlinux:large_dnode',
  'org.zfsonlinux:longname',
  'org.zfsonlinux:project_quota',
  'org.zfsonlinux:userobj_accounting',
]);

/** Rejects with a FormatError if the pool uses a feature that is not known. */
export async function readPoolDirectory(objects: PoolObjects): Promise<PoolDirectory> {
  const directory = await readZap(await objects(DIRECTORY_OBJECT));
  for (const name of ['features_for_read', 'features_for_write']) {
    const features = await readZap(await objects(objectIn(directory, name)));
    for (const [feature, [uses]] of features) {
      if (uses === 0n || KNOWN_FEATURES.has(feature)) continue;
      throw unsupported(`the pool uses the feature ${feature}, which is not known`);
    }
  }
  const config = await readConfig(await objects(objectIn(directory, 'config')));
  const logs = directory.get('com.delphix:log_spacemap_zap');
  return {
    vdevs: vdevsOf(config),
    logs: logs ? logsOf(await readZap(await objects(Number(logs[0])))) : [],
  };
}

function objectIn(zap: Zap, name: string): number {
  const [object] = zap.get(name) ?? [];
  if (object === undefined) throw damaged(`the directory of the pool has no ${name}`);
  return Number(object);
}

async function readConfig(object: PoolObject): Promise<NvList> {
  if (object.type !== PACKED_LIST || object.bonus.length < 8) {
    throw damaged('the configuration of the pool is not a name-value list');
  }
  const size = Number(viewOf(object.bonus).getBigUint64(0, true));
  if (size > Math.min(MAX_CONFIG_SIZE, object.blockCount * object.blockSize)) {
    throw damaged(`the configuration of the pool has ${size} bytes, which cannot be right`);
  }
  const content = new Uint8Array(size);
  for (let at = 0; at < size; at += object.blockSize) {
    const block = await object.block(at / object.blockSize);
    content.set(block.subarray(0, size - at), at);
  }
  return decodeNvList(content);
}

function vdevsOf(config: NvList): Map<number, TopVdev> {
  const tree = config.get('vdev_tree');
  const children = isNvList(tree) ? tree.get('children') : undefined;
  if (!Array.isArray(children)) throw damaged('the configuration of the pool has no vdevs');
  const vdevs = new Map<number, TopVdev>();
  for (const list of children as readonly NvValue[]) {
    if (!isNvList(list)) throw damaged('the configuration of a vdev is not a name-value list');
    const type = list.get('type');
    const number = (name: string) => {
      const value = list.get(name);
      return typeof value === 'bigint' ? Number(value) : undefined;
    };
    const guid = list.get('guid');
    vdevs.set(number('id') ?? -1, {
      type: typeof type === 'string' ? type : '',
      guid: typeof guid === 'bigint' ? guid : 0n,
      ashift: number('ashift') ?? 0,
      metaslabShift: number('metaslab_shift') ?? 0,
      metaslabArray: number('metaslab_array') ?? 0,
      allocatable: number('asize') ?? 0,
      zap: number('com.delphix:vdev_zap_top'),
      mapping: number('com.delphix:indirect_object'),
    });
  }
  return vdevs;
}

/** The name of each entry is a transaction group in hexadecimal. */
function logsOf(zap: Zap): SpaceLog[] {
  const logs: SpaceLog[] = [];
  for (const [name, [object]] of zap) {
    if (!/^[0-9a-f]{1,16}$/.test(name) || object === undefined) {
      throw damaged('the name of a log of space maps is not a transaction group');
    }
    logs.push({ txg: BigInt(`0x${name}`), object: Number(object) });
  }
  return logs.sort((one, other) => (one.txg < other.txg ? -1 : 1));
}
