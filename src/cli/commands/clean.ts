import { KexportError } from '../../errors.ts';
import type { Leftover } from '../../host/owner.ts';
import { listVolumeLeftovers } from '../../lvm/made.ts';
import { listGoldenLeftovers } from '../../zfs/golden/leftovers.ts';
import { listLeftovers } from '../../zfs/leftovers.ts';
import { listCheckpoints } from '../../zfs/live/checkpoint.ts';
import { print } from '../command-line/print.ts';
import type { Run } from '../command-line/program.ts';
import { printable } from '../print/printable.ts';
import { EXIT_FAILURE } from '../command-line/report-error.ts';

const NOTHING =
  'no snapshot, clone, checkpoint or loop device is left behind; NAME.partial files are not looked for';

/** Removes what killed exports left in ZFS pools, LVM and loop devices, and reports each item. */
export const run: Run = async (_, { dryRun = false }) => {
  const { leftovers, isAll } = await listAll();
  if (isAll && leftovers.length === 0) process.stderr.write(`kexport: ${NOTHING}\n`);
  let status = isAll ? 0 : EXIT_FAILURE;
  for (const leftover of leftovers) {
    if (!(await clean(leftover, dryRun))) status = EXIT_FAILURE;
  }
  return status;
};

/** Returns whether it succeeded. */
async function clean(leftover: Leftover, dryRun: boolean): Promise<boolean> {
  const { name } = leftover;
  const kept = whyKept(leftover);
  if (kept !== undefined) await print(`kept ${printable(`${name}: ${kept}`)}\n`);
  else if (dryRun) await print(`would remove ${printable(name)}\n`);
  else {
    const problem = await leftover.remove();
    if (problem !== undefined) {
      process.stderr.write(`kexport: cannot remove ${printable(`${name}: ${problem}`)}\n`);
      return false;
    }
    await print(`removed ${printable(name)}\n`);
  }
  return true;
}

/** Why an item is not removed; undefined if it is. */
function whyKept({ state, remedy }: Leftover): string | undefined {
  switch (state) {
    case 'gone':
      return undefined;
    case 'running':
      return 'an export is reading it';
    case 'received':
      return `it came with zfs receive; if it is not needed: ${remedy}`;
    case 'unmarked':
      return `kexport has not marked it as its own; if nobody else took it (zpool history shows when): ${remedy}`;
    case 'unknown':
      return `an export on another machine or in a container may be reading it; if none is: ${remedy}`;
  }
}

/** What lists the leftovers of each kind of storage; without its commands, it has none. */
const LISTS = [[listGoldenLeftovers, listLeftovers, listCheckpoints], [listVolumeLeftovers]];

/** What exports left on this machine, and whether all of it could be listed. */
async function listAll(): Promise<{ readonly leftovers: Leftover[]; readonly isAll: boolean }> {
  const leftovers: Leftover[] = [];
  const absent: string[] = [];
  let isAll = true;
  for (const lists of LISTS) {
    for (const list of lists) {
      try {
        leftovers.push(...(await list()));
      } catch (error) {
        if (!(error instanceof KexportError)) throw error;
        if (error.code === 'unsupported') {
          absent.push(error.message);
          break;
        }
        process.stderr.write(`kexport: ${printable(error.message)}\n`);
        isAll = false;
      }
    }
  }
  if (absent.length === LISTS.length) {
    for (const message of absent) process.stderr.write(`kexport: ${printable(message)}\n`);
  }
  return { leftovers, isAll };
}
