import { claimsOf } from '../claims.ts';
import type { Problem } from '../contract.ts';
import { error } from '../problems.ts';
import { roundUp } from '../rounding.ts';
import { type Archive, extentsIn } from './extent-headers.ts';
import { CLUSTER_SIZE, PAGE_SIZE } from './layout.ts';

/**
 * Checks that every cluster of every device is there once, as Proxmox's restore demands. Takes a
 * bit of memory for each. Throws a FormatError where the chain of extents breaks.
 */
export async function* checkClusters(archive: Archive): AsyncGenerator<Problem> {
  const devices = devicesOf(archive);
  const total = [...devices.values()].reduce((sum, { clusterCount }) => sum + clusterCount, 0);
  const claims = claimsOf(roundUp(total, 32), 0);
  for await (const { clusters } of extentsIn(archive)) {
    for (const { deviceId, cluster, mask } of clusters) {
      const device = devices.get(deviceId);
      if (!device) continue;
      const what = `cluster ${cluster} of ${JSON.stringify(device.name)}`;
      if (claims.claim(device.first + cluster, 1) !== undefined)
        yield error(`${what} is there twice`);
      else device.found++;
      const pages = Math.ceil((device.size - cluster * CLUSTER_SIZE) / PAGE_SIZE);
      if (pages < 16 && mask >>> pages !== 0) yield error(`${what} has data past its end`);
    }
  }
  for (const { name, clusterCount, found } of devices.values()) {
    if (found === clusterCount) continue;
    const missing = clusterCount - found;
    yield error(`${JSON.stringify(name)} lacks ${missing} of its ${clusterCount} clusters`);
  }
}

/** The devices of a known size, and where the bits of each begin. */
function devicesOf({ header: { devices } }: Archive) {
  let first = 0;
  const sized = [...devices].filter(([, { isMemory }]) => !isMemory);
  return new Map(
    sized.map(([id, device]) => {
      const counted = { ...device, first, found: 0 };
      first += device.clusterCount;
      return [id, counted] as const;
    }),
  );
}
