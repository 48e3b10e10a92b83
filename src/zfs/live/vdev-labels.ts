// Reads the four labels of a vdev that is in use.

import { FormatError } from '../../../formats/index.ts';
import { LABEL_SIZE, labelOffsets, RING_SIZE, slotSize } from '../../../formats/zfs/label.ts';
import { readRing, type RingEntry } from '../../../formats/zfs/uberblocks.ts';
import { readVdevConfig, type VdevConfig } from '../../../formats/zfs/vdev-config.ts';
import { asKexportError } from '../../errors.ts';
import type { HostPartition } from '../../host/host-disk.ts';
import { sha256 } from '../../inspect/sha256.ts';
import type { DirectDisk } from '../../live/direct-disk.ts';

export interface VdevLabels {
  readonly config: VdevConfig;
  readonly labels: readonly { readonly vdevOffset: number; readonly bytes: Uint8Array }[];
  /** The valid uberblocks of all four rings. */
  readonly uberblocks: readonly RingEntry[];
  /** Slots in each ring. */
  readonly slotCount: number;
}

/** How often labels are read until they are valid: the pool may be writing one just now. */
const ATTEMPTS = 5;

/**
 * Reads the labels of the vdev on a partition. Throws a KexportError if one of them is not valid.
 */
export async function readVdevLabels(
  disk: DirectDisk,
  partition: HostPartition,
): Promise<VdevLabels> {
  for (let attempt = 1; ; attempt++) {
    const labels = [];
    for (const vdevOffset of labelOffsets(partition.size)) {
      const bytes = new Uint8Array(LABEL_SIZE);
      await disk.read(partition.diskOffset + vdevOffset, bytes);
      labels.push({ vdevOffset, bytes });
    }
    try {
      return decodeLabels(labels);
    } catch (error) {
      if (error instanceof FormatError && attempt < ATTEMPTS) continue;
      throw asKexportError(error, partition.path);
    }
  }
}

function decodeLabels(labels: VdevLabels['labels']): VdevLabels {
  const configs = labels.map(({ bytes, vdevOffset }) => readVdevConfig(bytes, vdevOffset, sha256));
  const [config] = configs;
  if (!config || configs.some(({ identity }) => identity !== config.identity)) {
    throw new FormatError('damaged', 'the labels of the vdev differ');
  }
  const { ashift } = config;
  const uberblocks = labels.flatMap(({ bytes, vdevOffset }) =>
    readRing(bytes, { vdevOffset, ashift, sha256 }),
  );
  return { config, labels, uberblocks, slotCount: RING_SIZE / slotSize(ashift) };
}
