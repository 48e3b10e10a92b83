// Where an archive has which part of a device. Proxmox writes clusters about in their order, but
// those that the guest overwrites during the backup come at once.

import { type Archive, extentsIn } from './extent-headers.ts';

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
 * archive. Throws a FormatError if an extent is damaged.
 */
export async function indexExtents(archive: Archive, deviceId: number): Promise<ExtentIndex> {
  const offsets: number[] = [];
  const firsts: number[] = [];
  const lasts: number[] = [];
  for await (const { imageOffset, clusters } of extentsIn(archive)) {
    let first = Infinity;
    let last = -1;
    for (const each of clusters) {
      if (each.deviceId !== deviceId || each.mask === 0) continue;
      first = Math.min(first, each.cluster);
      last = Math.max(last, each.cluster);
    }
    if (last === -1) continue;
    offsets.push(imageOffset);
    firsts.push(first);
    lasts.push(last);
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
