import { KexportError } from '../../errors.ts';
import { listGoldenLeftovers } from '../../zfs/golden/leftovers.ts';
import { type Leftover, listLeftovers } from '../../zfs/leftovers.ts';
import { listCheckpoints } from '../../zfs/live/checkpoint.ts';
import { print } from '../command-line/print.ts';
import type { Run } from '../command-line/program.ts';
import { printable } from '../print/printable.ts';
import { EXIT_FAILURE } from '../command-line/report-error.ts';

/** Removes what killed exports left in the pools and as devices, and reports each item. */
export const run: Run = async (_, { dryRun = false }) => {
  const { leftovers, isAll } = await listAll();
  if (isAll && leftovers.length === 0) process.stderr.write('kexport: nothing is left behind\n');
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
      return `an export in a container may be reading it; if none is: ${remedy}`;
  }
}

/** What exports left, and whether all of it could be listed. */
async function listAll(): Promise<{ readonly leftovers: Leftover[]; readonly isAll: boolean }> {
  const leftovers: Leftover[] = [];
  let isAll = true;
  for (const list of [listGoldenLeftovers, listLeftovers, listCheckpoints]) {
    try {
      leftovers.push(...(await list()));
    } catch (error) {
      if (!(error instanceof KexportError)) throw error;
      process.stderr.write(`kexport: ${printable(error.message)}\n`);
      if (error.code === 'unsupported') break; // without ZFS, nothing can be left in it
      isAll = false;
    }
  }
  return { leftovers, isAll };
}
