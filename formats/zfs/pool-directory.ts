// What the meta object set of a pool says of the pool: its features, its vdevs, and the logs of its space maps.
//   object 1, a ZAP -> "config", a name-value list -> the tree of vdevs
//                   -> "features_for_read", "features_for_write", ZAPs -> how often each feature is in use
//                   -> "com.delphix:log_spacemap_zap", a ZAP -> the log of each transaction group
// Sources: OpenZFS, sys/dmu.h (DMU_POOL_...), sys/fs/zfs.h (ZPOOL_CONFIG_...), module/zfs/spa_log_spacemap.c.

import { FormatError } from '../errors.ts';
import { viewOf } from '../struct.ts';
import { decodeNvList, isNvList, type NvList, type NvValue } from './nvlist.ts';
import type { PoolObject, PoolObjects } from './pool-objects.ts';
import { readZap, type Zap } from './zap.ts';

/** A top-level vdev as its pool knows it. */
export interface TopVdev {
  /** `disk`, `file`, `mirror`; others for what is not read here, such as `hole` for one that is no longer there. */
  readonly type: string;
  readonly guid: bigint;
  /** Base-2 logarithm of the smallest block. */
  readonly ashift: number;
  /** Base-2 logarithm of the size of a metaslab. */
  readonly metaslabShift: number;
  /** Number of the object that has the numbers of the space maps, one for each metaslab. */
  readonly metaslabArray: number;
  /** What it allocates from, in bytes. */
  readonly allocatable: number;
  /** Number of the ZAP that has what else there is to say of it; undefined if it has none. */
  readonly zap: number | undefined;
}

/** A log of what was allocated and freed in all vdevs in one transaction group. */
export interface SpaceLog {
  readonly txg: bigint;
  /** The object that it is, a space map. */
  readonly object: number;
}

export interface PoolDirectory {
  /** By their numbers. */
  readonly vdevs: ReadonlyMap<number, TopVdev>;
  /** By ascending transaction groups. */
  readonly logs: readonly SpaceLog[];
}

const DIRECTORY_OBJECT = 1; // DMU_POOL_DIRECTORY_OBJECT
const PACKED_LIST = 3; // DMU_OT_PACKED_NVLIST
/** Limit of this program on the description of a pool, in bytes. */
const MAX_CONFIG_SIZE = 16 * 2 ** 20;

/**
 * Features, by their names, with which free space is as it is read here. What the space maps are made of is a matter of the first
 * four. `device_removal`, `obsolete_counts`, `draid` and `raidz_expansion` are left out.
 */
const KNOWN_FEATURES = new Set([
  'com.delphix:spacemap_histogram',
  'com.delphix:spacemap_v2',
  'com.delphix:log_spacemap',
  'com.delphix:zpool_checkpoint',
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

/** Throws a FormatError for a pool with a feature in use that is not known here. */
export async function readPoolDirectory(objects: PoolObjects): Promise<PoolDirectory> {
  const directory = await readZap(await objects(DIRECTORY_OBJECT));
  for (const name of ['features_for_read', 'features_for_write']) {
    const features = await readZap(await objects(objectIn(directory, name)));
    for (const [feature, [uses]] of features) {
      if (uses === 0n || KNOWN_FEATURES.has(feature)) continue;
      throw new FormatError(
        'unsupported',
        `the feature ${feature} is in use, which is not known here`,
      );
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
  if (object === undefined) throw new FormatError('damaged', `its directory has no ${name}`);
  return Number(object);
}

async function readConfig(object: PoolObject): Promise<NvList> {
  if (object.type !== PACKED_LIST || object.bonus.length < 8) {
    throw new FormatError('damaged', 'its description is no name-value list');
  }
  const size = Number(viewOf(object.bonus).getBigUint64(0, true));
  if (size > Math.min(MAX_CONFIG_SIZE, object.blockCount * object.blockSize)) {
    throw new FormatError('damaged', `its description says that it has ${size} bytes`);
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
  if (!Array.isArray(children)) throw new FormatError('damaged', 'its description has no vdevs');
  const vdevs = new Map<number, TopVdev>();
  for (const list of children as readonly NvValue[]) {
    if (!isNvList(list)) throw new FormatError('damaged', 'its description of a vdev is none');
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
    });
  }
  return vdevs;
}

/** The names are transaction groups in hexadecimal. */
function logsOf(zap: Zap): SpaceLog[] {
  const logs: SpaceLog[] = [];
  for (const [name, [object]] of zap) {
    if (!/^[0-9a-f]{1,16}$/.test(name) || object === undefined) {
      throw new FormatError('damaged', 'the name of a log of space maps is no transaction group');
    }
    logs.push({ txg: BigInt(`0x${name}`), object: Number(object) });
  }
  return logs.sort((one, other) => (one.txg < other.txg ? -1 : 1));
}
