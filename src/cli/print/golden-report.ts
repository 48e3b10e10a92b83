import type { HostPartition } from '../../host/host-disk.ts';
import { HOST_KEY_UNIT, type HostKeyMaker } from '../../zfs/golden/host-key-unit.ts';
import type { GoldenPlan } from '../../zfs/golden/plan.ts';
import type { IdentityFound } from '../../zfs/golden/identity.ts';
import { REMOVED } from '../../zfs/golden/identity-rules.ts';
import type { Options } from '../options/options.ts';
import { formatSize } from './sizes.ts';
import { formatTable } from './table.ts';

/** Describes what a golden image will be, and what it will lack. */
export function describeGoldenPlan(plan: GoldenPlan, { dryRun = false }: Options): string {
  const { disk, layout, pool, bootEnvironment, space, datasets, leftOut } = plan;
  const rows = plan.fates.map(({ partition }) => {
    const size = layout.partitions.find(({ index }) => index === partition.index)?.size ?? 0;
    return [partition.path, formatSize(partition.size), formatSize(size), fateOf(partition, plan)];
  });
  const snapshots = plan.withSnapshots ? 'with their snapshots' : 'without their snapshots';
  return [
    `a golden image of ${disk.path}: ${formatSize(layout.diskSize)}, was ${formatSize(disk.size)}\n`,
    formatTable([['PARTITION', 'SIZE', 'NEW SIZE', 'IN THE IMAGE'], ...rows]),
    `pool ${pool} is made anew, with a guid of its own: ${datasets.length} datasets, ${snapshots}, about ${formatSize(space)}\n`,
    `it boots ${bootEnvironment.name}\n`,
    leftOut.length === 0 ? '' : `left out: ${leftOut.map(({ name }) => name).join(', ')}\n`,
    'removed in the image, not here:\n',
    formatTable(removedRows(plan)),
    ...keptLines(plan),
    // An export gives them as warnings.
    ...(dryRun ? plan.warnings : []).map(({ message }) => `warning: ${message}\n`),
  ].join('');
}

function fateOf({ index }: HostPartition, { fates, pool }: GoldenPlan): string {
  const fate = fates.find(({ partition }) => partition.index === index);
  if (fate?.kind === 'pool') return `pool ${pool}, made anew`;
  if (fate?.kind === 'swap') return 'swap: its header, then zeros';
  return fate?.mounted ? `${fate.mounted.type} of ${fate.mounted.mountPoint}, copied` : 'copied';
}

function removedRows({ identity }: GoldenPlan): string[][] {
  if (!identity) return REMOVED.map(({ what, paths }) => [`  ${what}`, placeOf(paths)]);
  return identity.removed
    .filter(({ paths }) => paths.length > 0)
    .map((found) => [`  ${found.rule.what}`, foundText(found)]);
}

/** How many paths of a rule are named. */
const MAX_NAMED = 3;

function foundText({ rule, paths }: IdentityFound): string {
  const emptied = rule.action === 'empty' ? ', emptied' : '';
  if (paths.length <= MAX_NAMED) return paths.join(', ') + emptied;
  return `${placeOf(rule.paths)}: ${paths.length} files${emptied}`;
}

function placeOf(paths: readonly string[]): string {
  const more = paths.length > MAX_NAMED ? ' and others' : '';
  return (
    paths
      .slice(0, MAX_NAMED)
      .map((path) => `/${path}`)
      .join(', ') + more
  );
}

function keptLines({ identity }: GoldenPlan): string[] {
  return (identity?.kept ?? []).map(({ path, why }) => `kept: ${path}: ${why}\n`);
}

/** What is said of the SSH host keys at the first boot. */
const HOST_KEYS: Readonly<Record<HostKeyMaker, string>> = {
  none: 'there is no server of OpenSSH, so no host keys are made',
  system: 'SSH host keys are made by what this system has for that',
  unit: `SSH host keys are made by ${HOST_KEY_UNIT}, which is added`,
  nobody: 'NOTHING MAKES SSH HOST KEYS: run ssh-keygen -A there',
};

/** Notes on the first boot of a golden image. */
export function describeGoldenBoot({ pool, hostKeys }: GoldenPlan): string {
  const lines = [
    `pool ${pool} has a guid of its own and was exported: it is imported without -f, also beside this one.`,
    `${hostKeys ? HOST_KEYS[hostKeys] : 'see whether SSH host keys are made; else run ssh-keygen -A there'}.`,
    'host name, hostid, passwords, and the keys of users and services are those of this machine.',
  ];
  return `first boot elsewhere:\n${lines.map((line) => `  ${line}\n`).join('')}`;
}
