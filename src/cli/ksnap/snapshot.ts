import { setTimeout } from 'node:timers/promises';
import { zfsFailure } from '../../zfs/run.ts';
import { flushVolumes, snapshotScope } from '../../zfs/snapshot-scope.ts';
import { makeSet } from '../../zfs/snapshot-sets.ts';
import { print } from '../command-line/print.ts';
import type { Run } from '../command-line/program.ts';
import { timestamp } from '../print/timestamp.ts';

/** Makes snapshots that carry the time in their name, and prints the name. */
export const run: Run = async ([what = '']) => {
  const dataset = await snapshotScope(what);
  await flushVolumes(dataset);
  const name = await makeNamed(dataset);
  await print(`${dataset}@${name}\n`);
  return 0;
};

/** If a snapshot of the same second has the name, waits for another second, a few times. */
async function makeNamed(dataset: string, tries = 3): Promise<string> {
  const name = `ksnap-${timestamp(new Date())}`;
  try {
    await makeSet(dataset, name);
    return name;
  } catch (error) {
    if (zfsFailure(error) !== 'exists' || tries === 1) throw error;
  }
  await setTimeout(1000);
  return makeNamed(dataset, tries - 1);
}
