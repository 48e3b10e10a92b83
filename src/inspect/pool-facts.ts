import { FormatError } from '../../formats/errors.ts';
import { readPoolLabel } from '../../formats/zfs/pool-label.ts';
import type { PoolFacts } from './disk-facts.ts';
import { sha256 } from './sha256.ts';

/**
 * What the first label of a vdev says about its pool; undefined if `head`, the first 128 KiB of a
 * disk or a partition, has no sound one.
 */
export function poolFacts(head: Uint8Array): PoolFacts | undefined {
  try {
    const { poolName, poolGuid, hostid, ...rest } = readPoolLabel(head, 0, sha256);
    return {
      ...{ name: poolName, guid: poolGuid?.toString(), state: rest.state },
      ...{ hostname: rest.hostname, hostid: hostid?.toString(16).padStart(8, '0') },
    };
  } catch (error) {
    if (error instanceof FormatError) return undefined;
    throw error;
  }
}
