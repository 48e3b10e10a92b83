import { planLvmExport } from '../../lvm/disk/plan.ts';
import { openLvmDisk } from '../../lvm/disk/open-disk.ts';
import type { Options } from '../options/options.ts';
import { describeLvmFirstBoot, describeLvmPlan } from '../print/lvm-report.ts';
import type { DisksInUse } from './export-job.ts';

/**
 * Plans the export of a disk with LVM while it is in use: of that device, or of the disk of `/`.
 * Returns undefined if it has no LVM. Throws a KexportError if it cannot be exported while in use.
 */
export async function planLvmDisk(
  disk: string | undefined,
  options: Options,
): Promise<DisksInUse | undefined> {
  const { includeSwap, allSectors, snapshotSize } = options;
  const plan = await planLvmExport({ disk, includeSwap, allSectors });
  return (
    plan && {
      disks: [{ path: plan.disk.path, name: plan.disk.path }],
      plan: describeLvmPlan(plan),
      firstBoot: describeLvmFirstBoot(plan),
      open: async ({ signal, onWarning }) => [
        await openLvmDisk(plan, { snapshotSize, signal, onWarning }),
      ],
    }
  );
}
