// Finds out whether a disk holds all of a pool, so that its image can be imported.

import type { PoolStatus, VdevStatus } from './pool-status.ts';

/** The devices of a pool that an image of the disk has, and those that it lacks. */
export interface PoolShape {
  /** Devices of the pool on the disk, without its caches. */
  readonly present: readonly string[];
  /** Devices of mirrors on other disks, which the pool can be imported without. */
  readonly missing: readonly string[];
  /** Why an image of the disk cannot be imported; a clause that names the vdev. */
  readonly obstacle: string | undefined;
}

/**
 * `isOnDisk` returns whether a device is the disk or one of its partitions. `layerOf` returns the
 * layer that a device reaches the disk through, such as `LUKS on /dev/sda3`; undefined for others.
 */
export function poolShape(
  status: PoolStatus,
  isOnDisk: (device: string) => boolean,
  layerOf: (device: string) => string | undefined = () => undefined,
): PoolShape {
  const present: string[] = [];
  const missing: string[] = [];
  const obstacles: string[] = [];
  for (const vdev of status.topLevel) {
    const devices = devicesOf(vdev);
    const here = devices.filter(({ name }) => isOnDisk(name));
    const there = devices.filter(({ name }) => !isOnDisk(name));
    if (vdev.role === 'spare') continue; // holds no data, and the import does not need it
    if (vdev.role !== 'cache') present.push(...here.map(({ name }) => name));
    const obstacle = layerObstacle(there, layerOf) ?? obstacleOf(vdev, here, there);
    if (obstacle === undefined) missing.push(...there.map(({ name }) => name));
    else obstacles.push(obstacle);
  }
  if (/resilver(ing)? in progress/.test(status.scan ?? '')) obstacles.push('it is resilvering');
  return { present, missing, obstacle: obstacles[0] };
}

function obstacleOf(
  vdev: VdevStatus,
  here: readonly VdevStatus[],
  there: readonly VdevStatus[],
): string | undefined {
  const unsound = here.find(({ state }) => state !== 'ONLINE');
  const isMirror = /^mirror-\d+$/.test(vdev.name);
  if (isMirror && vdev.children.some(({ children }) => children.length > 0)) {
    return `${vdev.name} has a device that is being replaced`;
  }
  if (isMirror && here.some(({ state }) => state === 'ONLINE')) {
    return unsound && `${unsound.name} is ${unsound.state}`;
  }
  if (unsound) return `${unsound.name} is ${unsound.state}`;
  const [elsewhere] = there;
  if (!elsewhere) return undefined;
  const group = vdev.role === 'data' ? '' : `its ${vdev.role} device `;
  const whole = vdev.name === elsewhere.name ? '' : ` of ${vdev.name}`;
  return `${group}${elsewhere.name}${whole} is not on that disk`;
}

/**
 * A vdev in a layer such as LUKS is an obstacle: it would be copied while it changes, labels
 * included.
 */
function layerObstacle(
  there: readonly VdevStatus[],
  layerOf: (device: string) => string | undefined,
): string | undefined {
  const [found] = there.flatMap(({ name }) => {
    const layer = layerOf(name);
    return layer === undefined ? [] : [`${name} is ${layer}`];
  });
  return found;
}

/** The devices of a vdev. */
export function devicesOf(vdev: VdevStatus): readonly VdevStatus[] {
  return vdev.children.length === 0 ? [vdev] : vdev.children.flatMap(devicesOf);
}
