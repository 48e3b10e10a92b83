// Whether one disk holds all of a pool, so that an image of it can be imported.

import type { PoolStatus, VdevStatus } from './pool-status.ts';

/** What an image of the disk has of a pool, and what it lacks. */
export interface PoolShape {
  /** Devices on the disk that hold the pool, without its caches. */
  readonly present: readonly string[];
  /** Sides of mirrors elsewhere, which the image does without. */
  readonly missing: readonly string[];
  /** Why an image of the disk cannot be imported; a clause that names the vdev. */
  readonly obstacle: string | undefined;
}

/**
 * `isOnDisk` tells whether a device is the disk or one of its partitions; `layerOf` what is between the two where a device is
 * on the disk by way of another: `LUKS on /dev/sda3`.
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
    if (vdev.role === 'spare') continue; // a pool is imported without it, and it holds nothing
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
 * What is on the disk by way of LUKS and its like would be copied while it changes, labels and all.
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
