// Where the file systems of a machine are mounted, as far as a golden image must look into them.

import type { Mount } from '../../host/mounts.ts';
import type { SourceDataset } from './datasets.ts';
import { REMOVED } from './identity-rules.ts';

/** A file system of the source, and where it is in its machine. */
export interface SourceMount {
  readonly dataset: SourceDataset;
  readonly mountPoint: string;
}

/**
 * The file systems that may have something of the machine's identity, the root first, and each
 * after the one that it is mounted in. `mounts` are those of this machine, which alone say where a
 * file system of `mountpoint=legacy` belongs.
 */
export function mountsToSearch(
  datasets: readonly SourceDataset[],
  bootEnvironment: SourceDataset,
  mounts: readonly Mount[],
): SourceMount[] {
  const placed = datasets.flatMap((dataset): SourceMount[] => {
    const mountPoint = placeOf(dataset, bootEnvironment, mounts);
    return mountPoint === undefined ? [] : [{ dataset, mountPoint }];
  });
  const depth = ({ mountPoint }: SourceMount) => namesOf(mountPoint).length;
  return placed
    .filter(({ mountPoint }) => mayHoldIdentity(mountPoint))
    .sort((one, other) => depth(one) - depth(other));
}

function placeOf(
  { name, isVolume, mountpoint, canmount }: SourceDataset,
  bootEnvironment: SourceDataset,
  mounts: readonly Mount[],
): string | undefined {
  if (isVolume) return undefined;
  if (name === bootEnvironment.name) return '/';
  const mounted = mounts.find(({ source, root, type }) => {
    return type === 'zfs' && source === name && root === '/';
  });
  if (mountpoint === 'legacy') return mounted?.mountPoint;
  if (!mountpoint.startsWith('/') || mountpoint === '/' || canmount === 'off') return undefined;
  // Below the boot environment, `noauto` leaves it to the boot: zfs-mount-generator, zsys.
  const isOfBoot = name.startsWith(`${bootEnvironment.name}/`);
  return canmount === 'on' || isOfBoot || mounted ? mountpoint : undefined;
}

/** Whether a rule may find something in a file system that is mounted there. */
export function mayHoldIdentity(mountPoint: string): boolean {
  const place = namesOf(mountPoint);
  return REMOVED.some(({ paths }) => paths.some((path) => meet(place, path.split('/'))));
}

/** Whether one of the two is the beginning of the other. */
function meet(place: readonly string[], pattern: readonly string[]): boolean {
  return place.every((name, index) => {
    const part = index < pattern.length ? pattern[index] : pattern.at(-1);
    if (part === '**') return true;
    return index < pattern.length && (part === name || part === '*');
  });
}

function namesOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}
