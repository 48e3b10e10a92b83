// Where an archive has which part of a device. Proxmox writes clusters about in their order, but
// those that the guest overwrites during the backup come at once.

import type { Device } from './decode-header.ts';
import { type Archive, extentsIn } from './extent-headers.ts';
import { damaged } from './faults.ts';

/** The extents with data of one device, by the first cluster of it that they have. */
export interface ExtentIndex {
  readonly length: number;
  /** Where the n-th begins in the archive. */
  imageOffset(n: number): number;
  /** The first cluster of the device in the n-th. */
  first(n: number): number;
  /** The last one. */
  last(n: number): number;
}

/**
 * Makes the index, 32 bytes for each extent with data, of which there is one in about 4 MiB of an
 * archive. Throws a FormatError if an extent is damaged, or if the archive lacks a cluster of the
 * device: it has no other end.
 */
export async function indexExtents(
  archive: Archive,
  deviceId: number,
  { name, clusterCount }: Device,
): Promise<ExtentIndex> {
  const offsets: number[] = [];
  const firsts: number[] = [];
  const lasts: number[] = [];
  let found = 0;
  for await (const { imageOffset, clusters } of extentsIn(archive)) {
    let first = Infinity;
    let last = -1;
    for (const each of clusters) {
      if (each.deviceId !== deviceId) continue;
      found++;
      if (each.mask === 0) continue;
      first = Math.min(first, each.cluster);
      last = Math.max(last, each.cluster);
    }
    if (last === -1) continue;
    offsets.push(imageOffset);
    firsts.push(first);
    lasts.push(last);
  }
  if (found < clusterCount) {
    const what = `${clusterCount - found} of the ${clusterCount} clusters of ${JSON.stringify(name)}`;
    throw damaged(`the archive lacks ${what}: it may be cut off`);
  }
  const order = Uint32Array.from(offsets, (_, i) => i);
  order.sort((a, b) => firsts[a]! - firsts[b]!); // both are indexes of `firsts`
  const at = (values: readonly number[], n: number) => values[order[n] ?? -1] ?? NaN;
  return {
    length: offsets.length,
    imageOffset: (n) => at(offsets, n),
    first: (n) => at(firsts, n),
    last: (n) => at(lasts, n),
  };
}
