import { KexportError, option, Warning, wording } from '../errors.ts';
import type { SnapshotOptions } from '../host/disk-snapshot.ts';
import { listPoolDevices, poolOnDevice } from './pool-disks.ts';

/**
 * Throws a KexportError if an imported pool is on the device. Only warns of it with
 * `liveInconsistent`.
 *
 * ZFS never overwrites a block in place, and writes a new root of its tree of blocks (an uberblock)
 * every few seconds. A copy that takes minutes ends with roots whose blocks were written where the
 * copy had passed already: importing it fails with "I/O error".
 */
export async function checkNoLivePool(
  path: string,
  { liveInconsistent = false, onWarning }: SnapshotOptions,
): Promise<void> {
  // Without ZFS, no pool is imported.
  const pools = await listPoolDevices().catch(() => []);
  const pool = await poolOnDevice(path, pools);
  if (pool === undefined) return;
  const found = `${path} holds the ZFS pool ${pool}, which is in use`;
  const effect = 'a copy of it does not import, since ZFS moves its blocks while they are read';
  if (!liveInconsistent) {
    const inconsistent = option('liveInconsistent', true);
    throw new KexportError('source', `${found}: ${effect}`, {
      hint: wording`${option('disk', path)} instead of ${path} exports it as of a checkpoint; ${inconsistent} copies it all the same`,
    });
  }
  onWarning?.(new Warning('inconsistent', `${found}: ${effect}; that is for salvage`));
}
