// What the name-value list in a label says about its pool and its vdev.
// Source: OpenZFS, module/zfs/vdev_label.c (the comment at its top), sys/fs/zfs.h
// (ZPOOL_CONFIG_...).

import type { FormatError } from '../errors.ts';
import { damaged } from './faults.ts';
import { CONFIG_OFFSET, CONFIG_SIZE, isSound, type Sha256 } from './label.ts';
import { decodeNvList, isNvList, type NvList, type NvValue } from './decode-nvlist.ts';

/** A vdev as described in its label. */
export interface VdevConfig {
  /** Name of the pool. */
  readonly poolName: string;
  /** The guid of the pool. */
  readonly poolGuid: bigint;
  /** The guid of the device. */
  readonly guid: bigint;
  /** The guid of the top-level vdev; the same if the device is all of it. */
  readonly topGuid: bigint;
  /** Number of the top-level vdev in its pool. */
  readonly topId: number;
  /** Base-2 logarithm of the smallest block of the top-level vdev. */
  readonly ashift: number;
  /** The shape of the top-level vdev. */
  readonly shape: VdevShape;
  /** What the labels of a vdev have in common at all times, for comparison. */
  readonly identity: string;
}

/** The shape of a top-level vdev. */
export interface VdevShape {
  /** `disk`, `file`, `mirror`, `raidz`, `draid`. */
  readonly type: string;
  readonly ashift: number;
  /** The guids of its devices in their order, or its own if it is a device itself. */
  readonly devices: readonly bigint[];
  /** Columns of parity of raidz and dRAID, else 0. */
  readonly parity: number;
  /** The transaction groups since which stripes of raidz are one device wider, ascending. */
  readonly expansions: readonly bigint[];
  /** Of dRAID: data columns, spares, and groups before a permutation; else zeros. */
  readonly draid: {
    readonly data: number;
    readonly spares: number;
    readonly groups: number;
    /** Whether it has nothing that came after OpenZFS 2.3, such as failure groups. */
    readonly isKnown: boolean;
  };
}

/** Limits of OpenZFS on ashift: ASHIFT_MIN and ASHIFT_MAX. */
export const MIN_ASHIFT = 9;
export const MAX_ASHIFT = 16;

// What can change in a tree of vdevs while the pool is in use: paths, and what a device has missed.
const VOLATILE = new Set(['path', 'devid', 'phys_path', 'vdev_enc_sysfs_path', 'DTL', 'txg']);

/** Decodes the list in a label that begins at `vdevOffset`. Throws a FormatError if damaged. */
export function readVdevConfig(label: Uint8Array, vdevOffset: number, sha256: Sha256): VdevConfig {
  const list = readLabelList(label, vdevOffset, sha256);
  const tree = list.get('vdev_tree');
  if (!isNvList(tree)) throw missing('vdev_tree');
  const ashift = Number(uint64(tree, 'ashift'));
  if (ashift < MIN_ASHIFT || ashift > MAX_ASHIFT) {
    throw damaged(`ashift is ${ashift} in the vdev label, expected ${MIN_ASHIFT} to ${MAX_ASHIFT}`);
  }
  const poolName = list.get('name');
  if (typeof poolName !== 'string') throw missing('name');
  const ids = [uint64(list, 'pool_guid'), uint64(list, 'guid'), uint64(list, 'top_guid')] as const;
  const [poolGuid, guid, topGuid] = ids;
  const topId = Number(uint64(tree, 'id'));
  const identity = [poolName, ...ids.map(String), describe(tree)].join(' ');
  const shape = shapeOf(tree, ashift, topGuid);
  return { poolName, poolGuid, guid, topGuid, topId, ashift, shape, identity };
}

function shapeOf(tree: NvList, ashift: number, topGuid: bigint): VdevShape {
  const type = tree.get('type');
  const number = (name: string) => {
    const value = tree.get(name);
    return typeof value === 'bigint' ? Number(value) : 0;
  };
  return {
    type: typeof type === 'string' ? type : '',
    ashift,
    devices: tree.has('children') ? guidsOf(tree.get('children')) : [topGuid],
    parity: number('nparity'),
    expansions: numbersOf(tree.get('raidz_expand_txgs')),
    draid: {
      data: number('draid_ndata'),
      spares: number('draid_nspares'),
      groups: number('draid_ngroups'),
      isKnown: !tree.has('draid_nchildren'),
    },
  };
}

function guidsOf(children: NvValue | undefined): bigint[] {
  const lists: readonly NvValue[] = Array.isArray(children) ? children : [];
  return lists.map((child) => {
    const guid = isNvList(child) ? child.get('guid') : undefined;
    return typeof guid === 'bigint' ? guid : 0n;
  });
}

function numbersOf(value: NvValue | undefined): bigint[] {
  const values: readonly NvValue[] = Array.isArray(value) ? value : [];
  return values.filter((one) => typeof one === 'bigint');
}

/**
 * The name-value list in a label that begins at `vdevOffset`, which must not be cut off before it
 * ends. Throws a FormatError if its checksum is wrong or it cannot be decoded.
 */
export function readLabelList(label: Uint8Array, vdevOffset: number, sha256: Sha256): NvList {
  const content = label.subarray(CONFIG_OFFSET, CONFIG_OFFSET + CONFIG_SIZE);
  if (!isSound(content, vdevOffset + CONFIG_OFFSET, sha256)) {
    throw damaged(`the vdev label at byte ${vdevOffset} has a wrong checksum`);
  }
  return decodeNvList(content);
}

function uint64(list: NvList, name: string): bigint {
  const value = list.get(name);
  if (typeof value !== 'bigint') throw missing(name);
  return value;
}

function missing(name: string): FormatError {
  return damaged(`the name-value list in the vdev label has no ${name}`);
}

/** A value as text that does not depend on the order of names. */
function describe(value: NvValue): string {
  if (isNvList(value)) {
    const names = [...value.keys()].filter((name) => !VOLATILE.has(name)).sort();
    const pairs = names.map((name) => `${name}=${describe(value.get(name)!)}`); // its own names
    return `{${pairs.join()}}`;
  }
  return typeof value === 'object' ? `[${Array.from(value, describe).join()}]` : String(value);
}
