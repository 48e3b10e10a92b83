// What the name-value list in a label says of its pool and of the vdev that the label is on.
// Source: OpenZFS, module/zfs/vdev_label.c (the comment at its top) and sys/fs/zfs.h (ZPOOL_CONFIG_...).

import { FormatError } from '../errors.ts';
import { CONFIG_OFFSET, CONFIG_SIZE, isSound, type Sha256 } from './label.ts';
import { decodeNvList, isNvList, type NvList, type NvValue } from './nvlist.ts';

/** A vdev as its label describes it. */
export interface VdevConfig {
  readonly poolName: string;
  readonly poolGuid: bigint;
  /** Of the device that the label is on. */
  readonly guid: bigint;
  /** Of the top-level vdev that the device is a part of; the same as `guid` if it is all of it. */
  readonly topGuid: bigint;
  /** Number of the top-level vdev in its pool. */
  readonly topId: number;
  /** Base-2 logarithm of the smallest block of the top-level vdev. */
  readonly ashift: number;
  /** All that two labels of one vdev have in common however much the pool is written to; to be compared. */
  readonly identity: string;
}

/** Limit of OpenZFS on ashift: ASHIFT_MIN and ASHIFT_MAX. */
export const MIN_ASHIFT = 9;
export const MAX_ASHIFT = 16;

// What changes in a tree of vdevs while its pool is in use: where it is found, and what it has missed.
const VOLATILE = new Set(['path', 'devid', 'phys_path', 'vdev_enc_sysfs_path', 'DTL', 'txg']);

/** Reads the list in a label that begins at `vdevOffset`. Throws a FormatError if it is damaged or is none. */
export function readVdevConfig(label: Uint8Array, vdevOffset: number, sha256: Sha256): VdevConfig {
  const content = label.subarray(CONFIG_OFFSET, CONFIG_OFFSET + CONFIG_SIZE);
  if (!isSound(content, vdevOffset + CONFIG_OFFSET, sha256)) {
    throw new FormatError('damaged', `vdev label at byte ${vdevOffset}: its checksum is wrong`);
  }
  const list = decodeNvList(content);
  const tree = list.get('vdev_tree');
  if (!isNvList(tree)) throw missing('vdev_tree');
  const ashift = Number(uint64(tree, 'ashift'));
  if (ashift < MIN_ASHIFT || ashift > MAX_ASHIFT) {
    throw new FormatError(
      'damaged',
      `vdev label: ashift ${ashift} is not ${MIN_ASHIFT} to ${MAX_ASHIFT}`,
    );
  }
  const poolName = list.get('name');
  if (typeof poolName !== 'string') throw missing('name');
  const ids = [uint64(list, 'pool_guid'), uint64(list, 'guid'), uint64(list, 'top_guid')] as const;
  const [poolGuid, guid, topGuid] = ids;
  const topId = Number(uint64(tree, 'id'));
  const identity = [poolName, ...ids.map(String), describe(tree)].join(' ');
  return { poolName, poolGuid, guid, topGuid, topId, ashift, identity };
}

function uint64(list: NvList, name: string): bigint {
  const value = list.get(name);
  if (typeof value !== 'bigint') throw missing(name);
  return value;
}

function missing(name: string): FormatError {
  return new FormatError('damaged', `vdev label: its name-value list has no ${name}`);
}

/** A value as text, whatever the order of its names. */
function describe(value: NvValue): string {
  if (isNvList(value)) {
    const names = [...value.keys()].filter((name) => !VOLATILE.has(name)).sort();
    return `{${names.map((name) => `${name}=${describe(value.get(name)!)}`).join()}}`; // its own names
  }
  return typeof value === 'object' ? `[${Array.from(value, describe).join()}]` : String(value);
}
