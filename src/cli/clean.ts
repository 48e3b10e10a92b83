import type { Command } from 'commander';
import { KexportError } from '../errors.ts';
import { type Leftover, listLeftovers } from '../zfs/leftovers.ts';
import { listCheckpoints } from '../zfs/live/checkpoint.ts';
import { EXIT_FAILURE } from './exit.ts';

export function describe(command: Command): Command {
  return command.option('--dry-run', 'only say what would be removed');
}

/** Removes what killed exports have left in the pools, and says what it does with each piece. Returns the exit status. */
export async function run(command: Command): Promise<number> {
  const { dryRun = false } = command.opts<{ dryRun?: boolean }>();
  const { leftovers, isAll } = await listAll();
  if (isAll && leftovers.length === 0) process.stderr.write('kexport: nothing is left behind\n');
  let status = isAll ? 0 : EXIT_FAILURE;
  for (const leftover of leftovers) {
    const kept = whyKept(leftover);
    if (kept !== undefined) {
      process.stdout.write(`kept ${leftover.name}: ${kept}\n`);
    } else if (dryRun) {
      process.stdout.write(`would remove ${leftover.name}\n`);
    } else {
      const problem = await leftover.remove();
      if (problem === undefined) process.stdout.write(`removed ${leftover.name}\n`);
      else process.stderr.write(`kexport: ${leftover.name} is still there: ${problem}\n`);
      if (problem !== undefined) status = EXIT_FAILURE;
    }
  }
  return status;
}

/** Why a piece is not removed; undefined if it is to be. */
function whyKept({ state, remedy }: Leftover): string | undefined {
  switch (state) {
    case 'gone':
      return undefined;
    case 'running':
      return 'an export is reading it';
    case 'received':
      return `it came with zfs receive; if it is not needed: ${remedy}`;
    case 'unmarked':
      return `kexport has not marked it as its own; if nobody else has taken it (zpool history tells when that was): ${remedy}`;
    case 'unknown':
      return `an export in a container may be reading it; if none is: ${remedy}`;
  }
}

/** What the pools still have, as far as they tell, and whether that is all. */
async function listAll(): Promise<{ readonly leftovers: Leftover[]; readonly isAll: boolean }> {
  const leftovers: Leftover[] = [];
  let isAll = true;
  for (const list of [listLeftovers, listCheckpoints]) {
    try {
      leftovers.push(...(await list()));
    } catch (error) {
      if (!(error instanceof KexportError)) throw error;
      process.stderr.write(`kexport: ${error.message}\n`);
      if (error.code === 'unsupported') break; // where there is no ZFS, nothing can be left in it
      isAll = false;
    }
  }
  return { leftovers, isAll };
}
