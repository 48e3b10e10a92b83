// Facts about the pool of a device, from the name-value list in its label.
// Source: OpenZFS, module/zfs/vdev_label.c (vdev_config_generate; vdev_label_init for spares and
// caches), sys/fs/zfs.h (pool_state_t).

import type { Sha256 } from './label.ts';
import { readLabelList } from './vdev-config.ts';

/** `pool_state_t`, as far as a label has it, in order. */
const STATES = ['active', 'exported', 'destroyed', 'spare', 'cache'] as const;

/**
 * `active`: imported when it was written last, and not exported since. `spare` and `cache` are
 * devices that do not belong to one pool alone, or hold nothing of it.
 */
export type PoolState = (typeof STATES)[number];

/** A pool as a label describes it. */
export interface PoolLabel {
  /** Undefined of a spare or a cache. */
  readonly poolName: string | undefined;
  /** Undefined likewise. */
  readonly poolGuid: bigint | undefined;
  /** Undefined if the label has none that is known. */
  readonly state: PoolState | undefined;
  /** The host that wrote it last, where one is named. */
  readonly hostname: string | undefined;
  /** The hostid of that host; undefined likewise. */
  readonly hostid: number | undefined;
}

/** Decodes the list in a label that begins at `vdevOffset`. Throws a FormatError if damaged. */
export function readPoolLabel(label: Uint8Array, vdevOffset: number, sha256: Sha256): PoolLabel {
  const list = readLabelList(label, vdevOffset, sha256);
  const text = (name: string) => {
    const value = list.get(name);
    return typeof value === 'string' ? value : undefined;
  };
  const number = (name: string) => {
    const value = list.get(name);
    return typeof value === 'bigint' ? value : undefined;
  };
  const state = number('state');
  const hostid = number('hostid');
  return {
    poolName: text('name'),
    poolGuid: number('pool_guid'),
    state: state === undefined ? undefined : STATES[Number(state)],
    hostname: text('hostname'),
    hostid: hostid === undefined ? undefined : Number(hostid),
  };
}
