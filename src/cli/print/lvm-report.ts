import type { HostPartition } from '../../host/host-disk.ts';
import type { PlacedVolume } from '../../lvm/disk/layout.ts';
import type { LvmPlan } from '../../lvm/disk/plan.ts';
import { formatSize } from './sizes.ts';
import { formatTable } from './table.ts';

/** Describes what the export of a disk with LVM will do. */
export function describeLvmPlan(plan: LvmPlan): string {
  const { disk, layout, snapshots } = plan;
  const parts = disk.partitions.length > 0 ? disk.partitions : [disk];
  const rows = parts.flatMap((part) => {
    const physical = layout.physical.find(({ path }) => path === part.path);
    const volumes = layout.volumes.filter(({ group }) => group === physical?.group);
    return [
      [part.path, formatSize(part.size), fateOf(part, plan)],
      ...volumes.map((volume) => [
        `  ${volume.name}`,
        formatSize(volume.size),
        fateOfVolume(volume, plan),
      ]),
    ];
  });
  const count = snapshots.length === 1 ? 'snapshot is' : `${snapshots.length} snapshots are`;
  return [
    `${disk.path}, ${formatSize(disk.size)}:\n`,
    formatTable([['PARTITION', 'SIZE', 'IN THE IMAGE'], ...rows]),
    snapshots.length === 0 ? '' : `the ${count} removed at the end\n`,
  ].join('');
}

function fateOf(part: HostPartition, plan: LvmPlan): string {
  const isThis = ({ path }: { readonly path: string }) => path === part.path;
  const physical = plan.layout.physical.find(isThis);
  if (physical) return `volume group ${physical.group}, its metadata as it is now`;
  const mounted = plan.mounted.find(isThis);
  if (mounted) return `${mounted.type} of ${mounted.mountPoint}, flushed and copied first`;
  const live = plan.live.find(isThis);
  if (live) return `${live.type} of ${live.mountPoint}, COPIED WHILE IT IS WRITTEN TO`;
  if (plan.swaps.some(isThis)) return 'swap: its header, then zeros';
  return plan.stacked.some(isThis) ? 'COPIED WHILE IT IS IN USE' : 'copied';
}

function fateOfVolume(volume: PlacedVolume, { snapshots, swaps }: LvmPlan): string {
  if (swaps.includes(volume)) return 'swap: its header, then zeros';
  return snapshots.includes(volume) ? 'from a snapshot' : 'copied: it is not in use';
}

/** Notes on the first boot of an image. */
export function describeLvmFirstBoot({ layout }: LvmPlan): string {
  const groups = [...new Set(layout.physical.map(({ group }) => group))].join(' and ');
  const lines = [
    `volume group ${groups} has the same name and UUIDs as here: never attach both disks to one machine, or run vgimportclone on the copy.`,
    'file systems have the same UUIDs too; names of disks and of network interfaces may differ on the new machine.',
  ];
  return `first boot elsewhere:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}
