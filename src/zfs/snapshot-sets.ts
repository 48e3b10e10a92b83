// Snapshots taken together: one name on a dataset and on everything below it, as `zfs snapshot -r`
// makes them.

import { fields, zfs } from './run.ts';

/** The snapshots of one name on a dataset and on those below it. */
export interface SnapshotSet {
  /** The highest dataset that has it. */
  readonly dataset: string;
  /** What follows the @. */
  readonly name: string;
  /** In seconds since 1970, UTC. */
  readonly createdAt: number;
  /** Sum of the bytes that each of the snapshots holds alone. */
  readonly used: number;
  /** How many datasets have such a snapshot, the highest included. */
  readonly count: number;
}

/** Snapshots a dataset and everything below it, all at one instant. Throws a KexportError. */
export async function makeSet(dataset: string, name: string): Promise<void> {
  await zfs(['snapshot', '-r', `${dataset}@${name}`]);
}

/**
 * Destroys the whole set, or nothing if one of the snapshots is held, cloned or in use. Throws a
 * KexportError.
 */
export async function destroySet(dataset: string, name: string): Promise<void> {
  await zfs(['destroy', '-r', `${dataset}@${name}`]);
}

/** The sets of this machine whose name matches, oldest first. */
export async function listSets(pattern: RegExp): Promise<SnapshotSet[]> {
  const lines = await zfs(['list', '-Hp', '-t', 'snapshot', '-o', 'name,creation,used']);
  return groupSets(fields(lines).filter(([snapshot = '']) => pattern.test(nameOf(snapshot))));
}

/** Groups snapshots, given as rows of full name, creation and bytes used from `zfs list`. */
export function groupSets(rows: readonly (readonly string[])[]): SnapshotSet[] {
  const sets = new Map<string, SnapshotSet>();
  // Sorted by name, a dataset comes before those below it.
  for (const single of rows.map(setOf).sort((a, b) => (a.dataset < b.dataset ? -1 : 1))) {
    const { dataset, name, used } = single;
    const set = withAncestors(dataset)
      .map((above) => sets.get(`${above}@${name}`))
      .find((found) => found !== undefined);
    const whole = set ? { ...set, used: set.used + used, count: set.count + 1 } : single;
    sets.set(`${whole.dataset}@${name}`, whole);
  }
  return [...sets.values()].sort((a, b) => a.createdAt - b.createdAt);
}

function setOf([snapshot = '', creation, used]: readonly string[]): SnapshotSet {
  const [dataset = '', name = ''] = snapshot.split('@');
  return { dataset, name, createdAt: Number(creation), used: Number(used), count: 1 };
}

/** `a`, `a/b`, `a/b/c` of `a/b/c`. */
function withAncestors(dataset: string): string[] {
  const parts = dataset.split('/');
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

function nameOf(snapshot: string): string {
  return snapshot.slice(snapshot.indexOf('@') + 1);
}
