// Makes the copy of a machine one that wakes up as its own: without the identity of the source, and
// with what its first boot needs.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { KexportError, reasonOf, throwIfAborted } from '../../errors.ts';
import { guidText } from '../../partitions/layout.ts';
import { inPool } from './datasets.ts';
import { addHostKeyUnit } from './host-key-unit.ts';
import { removeIdentity } from './identity.ts';
import { folderInside } from './inside.ts';
import type { GuidOf } from './layout.ts';
import type { GoldenPlan } from './plan.ts';
import { mountPrivately } from './private-mounts.ts';
import { awaitUnlinked } from './unlinked.ts';

/** Changes the copy in `pool`. Throws a KexportError. */
export async function generalize(
  plan: GoldenPlan,
  pool: string,
  guidOf: GuidOf,
  signal: AbortSignal | undefined,
): Promise<void> {
  const mounts = plan.searched.map(({ dataset, mountPoint }) => ({
    dataset: inPool(pool, dataset.name),
    mountPoint,
    isLegacy: dataset.mountpoint === 'legacy',
  }));
  const mounted = await mountPrivately(mounts);
  const { root } = mounted;
  try {
    await removeIdentity(root);
    await addHostKeyUnit(root);
    await renamePartitions(root, plan, guidOf);
    await awaitUnlinked(pool, signal);
  } finally {
    await mounted.close();
  }
  throwIfAborted(signal);
}

/** Files that may name a partition by its GUID, which is another in the image. */
const NAMING = ['fstab', 'crypttab'];

async function renamePartitions(root: string, { layout }: GoldenPlan, guidOf: GuidOf) {
  const etc = await folderInside(root, 'etc');
  if (etc === undefined) return;
  for (const name of NAMING) {
    const path = join(etc, name);
    const text = await readFile(path, 'latin1').catch(() => undefined);
    if (text === undefined) continue;
    const guids = layout.partitions.map(
      ({ guid, index }) => [guid, guidText(guidOf(index))] as const,
    );
    const renamed = withGuids(text, guids);
    if (renamed === text) continue;
    await writeFile(path, renamed, 'latin1').catch((cause: unknown) => {
      const what = `cannot change /etc/${name} in the image: ${reasonOf(cause)}`;
      throw new KexportError('target', what, { cause });
    });
  }
}

/** A text with other GUIDs in it, in lower case where they were. `guids` are in capitals. */
export function withGuids(
  text: string,
  guids: readonly (readonly [from: string, to: string])[],
): string {
  return guids.reduce(
    (changed, [from, to]) =>
      changed.replaceAll(from, to).replaceAll(from.toLowerCase(), to.toLowerCase()),
    text,
  );
}
