import { realpath } from 'node:fs/promises';
import { dirname } from 'node:path';
import { listMounts, mountOf } from '../../host/mounts.ts';
import { poolOf } from '../names.ts';
import type { LivePlan } from './plan.ts';

/**
 * The exported pools that files of these paths will lie in. Their checkpoints hold back what is
 * written there.
 */
export async function poolsWrittenTo(
  { pools }: LivePlan,
  paths: readonly string[],
): Promise<string[]> {
  const mounts = await listMounts();
  const written = new Set<string>();
  for (const path of paths) {
    const folder = await realpath(dirname(path)).catch(() => undefined);
    const mount = folder === undefined ? undefined : mountOf(folder, mounts);
    if (mount?.type === 'zfs') written.add(poolOf(mount.source));
  }
  return pools.map(({ name }) => name).filter((name) => written.has(name));
}
