// Finds out whether disks hold all of a pool, so that their images can be imported.

import type { PoolStatus, VdevStatus } from './pool-status.ts';

/** The devices of a pool that images of some disks have, and those that they lack. */
export interface PoolShape {
  /** Devices of the pool on the disks, without its caches and spares. */
  readonly present: readonly string[];
  /** Caches and idle spares on the disks: devices that hold nothing of the pool. */
  readonly idle: readonly string[];
  /** Devices of mirrors that are not on the disks, which the pool can be imported without. */
  readonly missing: readonly string[];
  /** Devices of raidz and dRAID that this machine lacks too, and that are replaced by parity. */
  readonly absent: readonly string[];
  /** Why images of the disks cannot be imported. */
  readonly obstacle: Obstacle | undefined;
}

/** Why images of some disks do not make up a pool. */
export interface Obstacle {
  /** A clause that names the vdev. */
  readonly what: string;
  /** Whether it is only that more disks are needed. */
  readonly isElsewhere: boolean;
  /** The device of a layer such as LUKS that has to be exported instead. */
  readonly device?: string | undefined;
}

/**
 * `isOnDisks` returns whether a device is one of the disks or one of their partitions. `layerOf`
 * returns the layer that a device reaches the disks through, such as `LUKS on /dev/sda3`; undefined
 * for others.
 */
export function poolShape(
  status: PoolStatus,
  isOnDisks: (device: string) => boolean,
  layerOf: (device: string) => string | undefined = () => undefined,
): PoolShape {
  const present: string[] = [];
  const idle: string[] = [];
  const missing: string[] = [];
  const absent: string[] = [];
  const obstacles: Obstacle[] = [];
  for (const vdev of status.topLevel) {
    const devices = devicesOf(vdev);
    const onDisks = devices.filter(({ name }) => isOnDisks(name));
    const others = devices.filter(({ name }) => !isOnDisks(name));
    if (!holdsData(vdev)) {
      idle.push(...onDisks.filter(isIdle).map(({ name }) => name));
      continue; // the import does not need it
    }
    present.push(...onDisks.map(({ name }) => name));
    const obstacle = layerObstacle(others, layerOf) ?? obstacleOf(vdev, onDisks, others);
    const lacking = isMirror(vdev) ? missing : absent;
    if (obstacle === undefined) lacking.push(...others.map(({ name }) => name));
    else obstacles.push(obstacle);
  }
  // A sequential resilver names its vdev: `resilver (mirror-0) in progress since`.
  if (status.scans.some((scan) => /\bresilver\b.*\bin progress\b/.test(scan)))
    obstacles.push(here('it is resilvering'));
  return { present, idle, missing, absent, obstacle: obstacles[0] };
}

/** Whether a top-level vdev holds data of its pool: no cache and no spare does. */
export function holdsData({ role }: VdevStatus): boolean {
  return role !== 'cache' && role !== 'spare';
}

/** Not a spare that stands in for a device. */
function isIdle({ state }: VdevStatus): boolean {
  return state === 'ONLINE' || state === 'AVAIL';
}

function isMirror({ name }: VdevStatus): boolean {
  return /^mirror-\d+$/.test(name);
}

/** How many devices a vdev can lack; 0 for one that is not raidz or dRAID. */
function parityOf({ name }: VdevStatus): number {
  return Number(/^(?:raidz|draid)(\d)/.exec(name)?.[1] ?? 0);
}

/** An obstacle that more disks do not remove. */
function here(what: string): Obstacle {
  return { what, isElsewhere: false };
}

function obstacleOf(
  vdev: VdevStatus,
  present: readonly VdevStatus[],
  lacking: readonly VdevStatus[],
): Obstacle | undefined {
  if (vdev.children.some(({ children }) => children.length > 0)) {
    return here(`${vdev.name} has a device that is being replaced`);
  }
  const unsound = present.find(({ state }) => state !== 'ONLINE');
  if (unsound) return here(`${unsound.name} is ${unsound.state}`);
  const unfinished = present.find(({ isResilvering }) => isResilvering);
  if (unfinished) return here(`${unfinished.name} is being resilvered`);
  if (isMirror(vdev) && present.length > 0) return undefined;
  const elsewhere = lacking.find(({ state }) => state === 'ONLINE');
  const group = vdev.role === 'data' ? '' : `its ${vdev.role} device `;
  const whole = (name: string) => (vdev.name === name ? '' : ` of ${vdev.name}`);
  if (elsewhere) {
    const { name } = elsewhere;
    return { what: `${group}${name}${whole(name)} lies elsewhere`, isElsewhere: true };
  }
  if (lacking.length <= parityOf(vdev)) return undefined;
  const [{ name, state } = vdev] = lacking;
  return here(`${group}${name}${whole(name)} is ${state}`);
}

/**
 * A vdev in a layer such as LUKS is an obstacle: it would be copied while it changes, labels
 * included.
 */
function layerObstacle(
  lacking: readonly VdevStatus[],
  layerOf: (device: string) => string | undefined,
): Obstacle | undefined {
  const [found] = lacking.flatMap(({ name }) => {
    const layer = layerOf(name);
    return layer === undefined ? [] : [{ ...here(`${name} is ${layer}`), device: name }];
  });
  return found;
}

/** The devices of a vdev. */
export function devicesOf(vdev: VdevStatus): readonly VdevStatus[] {
  return vdev.children.length === 0 ? [vdev] : vdev.children.flatMap(devicesOf);
}
