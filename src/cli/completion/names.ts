// The names of this machine that a word can be. None where ZFS cannot list them: a completion has
// nobody to tell.

import { listDisks } from '../../host/disks.ts';
import { listVolumes } from '../../zfs/list-volumes.ts';
import { listSets } from '../../zfs/snapshot-sets.ts';
import { KSNAP_NAME } from '../ksnap/names.ts';
import { formatSize } from '../print/sizes.ts';
import type { Candidate } from './candidate.ts';

/** Disks, volumes and their snapshots. */
export async function listSourceNames(): Promise<Candidate[]> {
  const [disks, volumes] = await Promise.all([listDisks(), orNone(listVolumes())]);
  const named = volumes.flatMap((volume) => [volume, ...volume.snapshots]);
  return [
    ...disks.map(({ path, size }) => ({ word: path, summary: `disk, ${formatSize(size)}` })),
    ...named.map(({ name, size }) => ({ word: name, summary: `ZFS, ${formatSize(size)}` })),
  ];
}

/** Volumes. */
export async function listDatasets(): Promise<Candidate[]> {
  const volumes = await orNone(listVolumes());
  return volumes.map(({ name, size }) => ({ word: name, summary: formatSize(size) }));
}

/** The snapshots that ksnap made. */
export async function listKsnaps(): Promise<Candidate[]> {
  const sets = await orNone(listSets(KSNAP_NAME));
  return sets.map(({ dataset, name }) => ({ word: `${dataset}@${name}`, summary: '' }));
}

function orNone<T>(list: Promise<readonly T[]>): Promise<readonly T[]> {
  return list.catch(() => []);
}
