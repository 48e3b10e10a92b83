import type { ImageExtent } from '../contract.ts';
import { joinExtents } from '../join-extents.ts';
import { clusterQueue } from './cluster-queue.ts';
import type { Device } from './decode-header.ts';
import { type Archive, type Cluster, clustersIn } from './extent-headers.ts';
import type { ExtentIndex } from './extent-index.ts';
import { damaged, unsupported } from './faults.ts';
import { CLUSTER_SIZE, extent, PAGE_SIZE } from './layout.ts';

/** A device of an archive. */
export interface DevicePlace {
  readonly archive: Archive;
  readonly index: ExtentIndex;
  readonly id: number;
  readonly device: Device;
}

/**
 * Limit of this program, on the extents that are merged at a time: a guest has then overwritten the
 * most that 120 GiB of it can hold.
 */
const MAX_MERGED = 2 ** 15;

/**
 * The stored data of a device, ascending, from the byte `from` on. Reads the header of each extent
 * once. Throws a FormatError for a cluster that is there twice.
 */
export async function* deviceExtents(
  { archive, index, id, device }: DevicePlace,
  from: number,
): AsyncGenerator<ImageExtent> {
  const queue = clusterQueue();
  const start = Math.floor(from / CLUSTER_SIZE);
  let n = 0;
  let last = -1;
  const isNextAhead = () => n < index.length && index.first(n) <= (queue.next ?? Infinity);

  while (n < index.length || queue.extentCount > 0) {
    for (; isNextAhead(); n++) {
      if (index.last(n) < start) continue;
      if (queue.extentCount === MAX_MERGED) {
        throw unsupported(
          `the clusters of ${JSON.stringify(device.name)} are too far out of order`,
        );
      }
      queue.add(await clustersFrom(index.imageOffset(n)));
    }
    yield* joinExtents(untilNext());
  }

  async function clustersFrom(imageOffset: number): Promise<Cluster[]> {
    const bytes = await archive.input.read(imageOffset, extent.size);
    return clustersIn(bytes, imageOffset)
      .filter(({ deviceId, cluster, mask }) => deviceId === id && mask !== 0 && cluster >= start)
      .sort((a, b) => a.cluster - b.cluster);
  }

  function* untilNext(): Generator<ImageExtent> {
    while (queue.extentCount > 0 && !isNextAhead()) {
      const found = queue.take();
      const { cluster } = found;
      if (cluster === last) {
        throw damaged(`cluster ${cluster} of ${JSON.stringify(device.name)} is there twice`);
      }
      last = cluster;
      for (const each of pagesOf(found, device.size)) {
        if (each.diskOffset + each.diskLength > from) yield each;
      }
    }
  }
}

/** The stored pages of a cluster. The last one may reach past the end of the device. */
function* pagesOf(
  { cluster, mask, imageOffset }: Cluster,
  size: number,
): Generator<ImageExtent & { readonly kind: 'plain' }> {
  let at = imageOffset;
  for (let page = 0; page < CLUSTER_SIZE / PAGE_SIZE; page++) {
    if ((mask & (1 << page)) === 0) continue;
    const diskOffset = cluster * CLUSTER_SIZE + page * PAGE_SIZE;
    if (diskOffset >= size) throw damaged(`cluster ${cluster} has data past the end of the disk`);
    const diskLength = Math.min(PAGE_SIZE, size - diskOffset);
    yield { kind: 'plain', diskOffset, diskLength, imageOffset: at };
    at += PAGE_SIZE;
  }
}
