import { type OnWarning, Warning } from '../../errors.ts';
import type { LivePlan } from './plan.ts';
import { poolsWrittenTo } from './pools-written-to.ts';

/** Below this share of free space a pool has hardly room for what a checkpoint holds back. */
const NEARLY_FULL = 0.1;

/** Warns of what may go wrong with a plan, and of what may not be as of one instant. */
export async function warnOf(
  plan: LivePlan,
  imagePaths: readonly string[],
  onWarning: OnWarning,
): Promise<void> {
  const { pools, disks } = plan;
  for (const pool of await poolsWrittenTo(plan, imagePaths)) {
    const what = `the images are written to pool ${pool}, which is exported, and may fill it`;
    onWarning(new Warning('full', `${what}: another disk or another machine keeps them apart`));
  }
  for (const { name, size, free } of pools) {
    if (free > size * NEARLY_FULL) continue;
    onWarning(
      new Warning(
        'full',
        `pool ${name} is nearly full, and its checkpoint holds back what is freed meanwhile`,
      ),
    );
  }
  for (const { disk, layers } of disks) {
    const [clear] = layers.filter(({ kind }) => kind === 'LUKS');
    if (!clear) continue;
    const what = `${disk.path} is decrypted: the image holds in clear what is encrypted on ${clear.devices.join(', ')}`;
    onWarning(new Warning('decrypted', what));
  }
  for (const { path, mountPoint } of disks.flatMap((disk) => disk.live)) {
    onWarning(
      new Warning(
        'inconsistent',
        `${path} (${mountPoint}) is copied while it may be written to: check its file system`,
      ),
    );
  }
  for (const { path, holders } of disks.flatMap((disk) => disk.stacked)) {
    const what = `${path} is in use by ${holders.join(', ')}`;
    onWarning(
      new Warning(
        'inconsistent',
        `${what}: it is copied while it may be written to, and so is what is on it`,
      ),
    );
  }
}
