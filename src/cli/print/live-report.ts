import type { HostPartition, DeviceLayer } from '../../host/host-disk.ts';
import type { HostFacts } from '../../zfs/live/host-facts.ts';
import { maxHoldOf } from '../../zfs/live/hold.ts';
import type { LivePool } from '../../zfs/live/live-pools.ts';
import type { DiskExtent } from '../../live/disk-extents.ts';
import type { LivePlan } from '../../zfs/live/plan.ts';
import type { DiskPlan } from '../../zfs/live/plan-disk.ts';
import type { Options } from '../options/options.ts';
import { formatSize } from './sizes.ts';
import { formatTable } from './table.ts';

/** Describes what the export of disks in use will do. */
export function describePlan(plan: LivePlan, options: Options): string {
  const { disks, pools } = plan;
  return [
    ...disks.map((disk, index) => {
      const number = disks.length === 1 ? '' : `disk ${index + 1} of ${disks.length}: `;
      return `${number}${diskText(disk, pools, options)}`;
    }),
    ...pools.map((pool) => checkpointText(pool, options)),
    ...pools.flatMap(lackTexts),
  ].join('');
}

function diskText(plan: DiskPlan, pools: readonly LivePool[], options: Options): string {
  const { disk, layers, zeros, swaps, idle } = plan;
  const parts = disk.partitions.length > 0 ? disk.partitions : [disk];
  const rows = parts.map((part) => [
    part.path,
    formatSize(part.size),
    fateOf(part, plan, pools, options),
  ]);
  const inParts = zeros.filter((extent) => isWithin(extent, [...swaps, ...idle]));
  const gaps = total(zeros) - total(inParts);
  return [
    `${disk.path}, ${formatSize(disk.size)}:\n`,
    ...layers.slice(0, 1).map(layerText),
    formatTable([['PARTITION', 'SIZE', 'IN THE IMAGE'], ...rows]),
    gaps > 0 ? `between the partitions: ${formatSize(gaps)} of zeros\n` : '',
  ].join('');
}

function layerText({ kind, devices }: DeviceLayer): string {
  const effect = 'the image is that device as a disk of its own, which imports but boots nothing';
  return `${kind} on ${devices.join(', ')}: ${effect}\n`;
}

function checkpointText({ name, free }: LivePool, { checkpointLimit }: Options): string {
  const limit = formatSize(maxHoldOf(free, checkpointLimit));
  const end = `the export ends if it holds back more than ${limit} of the ${formatSize(free)} free`;
  return `pool ${name} gets a checkpoint, discarded at the end; ${end}\n`;
}

function lackTexts({ name, missing, absent }: LivePool): string[] {
  const texts: string[] = [];
  if (missing.length > 0) {
    const remedy = `zpool detach ${name} ${missing.join(' ')}`;
    texts.push(
      `pool ${name} has one side of its mirror in the image: it is imported degraded, until ${remedy}\n`,
    );
  }
  if (absent.length > 0) {
    const lacks = `pool ${name} lacks ${absent.join(' and ')} here, and in the images`;
    const remedy = `zpool replace ${name} ${absent[0] ?? ''} DEVICE`;
    texts.push(`${lacks}: it is imported degraded, until ${remedy}\n`);
  }
  return texts;
}

function fateOf(
  part: HostPartition,
  plan: DiskPlan,
  pools: readonly LivePool[],
  options: Options,
): string {
  const isThis = ({ path }: HostPartition) => path === part.path;
  const pool = pools.find(({ vdevs }) => vdevs.some(isThis));
  if (pool) return `pool ${pool.name} as of its checkpoint, ${fateOfFree(pool, options)}`;
  const user = pools.find(({ idle }) => idle.some(isThis));
  if (user) {
    const what = `cache or spare of pool ${user.name}`;
    return options.allSectors ? `${what}, COPIED WHILE IT IS IN USE` : `${what}: its labels`;
  }
  const mounted = plan.mounted.find(isThis);
  if (mounted) return `${mounted.type} of ${mounted.mountPoint}, flushed and copied first`;
  const live = plan.live.find(isThis);
  if (live) return `${live.type} of ${live.mountPoint}, COPIED WHILE IT IS WRITTEN TO`;
  const stacked = plan.stacked.find(isThis);
  if (stacked && !plan.swaps.some(isThis)) {
    return `COPIED WHILE IT IS IN USE by ${stacked.holders.join(', ')}`;
  }
  return plan.swaps.some(isThis) ? 'swap: its header, then zeros' : 'copied';
}

function fateOfFree({ size, free }: LivePool, options: Options): string {
  if (options.allSectors || options.keepIntentLog) return 'with its free space';
  return `without its free space: about ${formatSize(free)} of ${formatSize(size)}`;
}

/** Notes on the first boot of an image. */
export function describeFirstBoot(
  { disks, pools }: LivePlan,
  { hostname, hostid }: HostFacts,
): string {
  const names = pools.map(({ name }) => name).join(' and ');
  const host = `host ${hostname}${hostid === undefined ? '' : ` (hostid ${hostid})`}`;
  const lines = [
    pools.length > 1
      ? `pools ${names} have the same guids as here: never import both copies on one machine.`
      : `pool ${names} has the same guid as here: never import both on one machine.`,
    `it is marked as in use by ${host}: import it elsewhere with zpool import -f; an initramfs of this machine boots it as it is.`,
    ...(disks.length > 1
      ? [`the machine needs all ${disks.length} disks, and boots from the first.`]
      : []),
    'names of disks (/dev/disk/by-id in fstab and boot loader) and of network interfaces may differ on the new machine.',
    ...pools.flatMap(({ name, missing }) =>
      missing.map((device) => `its mirror lacks ${device}: zpool detach ${name} ${device}`),
    ),
    ...pools.flatMap(({ name, absent }) =>
      absent.map(
        (device) => `pool ${name} lacks ${device}: zpool replace ${name} ${device} DEVICE`,
      ),
    ),
    ...pools
      .filter(({ multihost }) => multihost)
      .map(
        ({ name }) =>
          `multihost is on: zpool import -f ${name} waits some seconds to see that no other host uses it.`,
      ),
  ];
  return `first boot elsewhere:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}

function total(extents: readonly DiskExtent[]): number {
  return extents.reduce((sum, { start, end }) => sum + end - start, 0);
}

function isWithin({ start, end }: DiskExtent, parts: readonly HostPartition[]): boolean {
  return parts.some(({ diskOffset, size }) => start >= diskOffset && end <= diskOffset + size);
}
