import { roundUp } from '../../../formats/rounding.ts';
import { openGoldenDisk } from '../../zfs/golden/golden-disk.ts';
import { ALIGNMENT } from '../../zfs/golden/layout.ts';
import { planGoldenImage } from '../../zfs/golden/plan.ts';
import type { Options } from '../options/options.ts';
import { describeGoldenBoot, describeGoldenPlan } from '../print/golden-report.ts';
import type { DisksInUse } from './export-job.ts';

/**
 * Plans a golden image of this machine. Nothing is changed yet; `open` makes a pool in a temporary
 * file, which `close` of the source frees. Throws a KexportError if none can be made.
 */
export async function planGolden(options: Options): Promise<DisksInUse> {
  const { diskSize, bootEnvironment, withSnapshots } = options;
  const plan = await planGoldenImage({
    diskSize: diskSize === undefined ? undefined : roundUp(diskSize, ALIGNMENT),
    bootEnvironment,
    withSnapshots,
  });
  return {
    disks: [{ path: plan.disk.path, name: `${plan.disk.path} (generalized)` }],
    plan: describeGoldenPlan(plan, options),
    firstBoot: describeGoldenBoot(plan),
    open: async (running) => [await openGoldenDisk(plan, running)],
  };
}
