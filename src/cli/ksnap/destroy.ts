import { KexportError } from '../../errors.ts';
import { fullName, parseDatasetName } from '../../zfs/names.ts';
import { destroySet, listSets } from '../../zfs/snapshot-sets.ts';
import type { Run } from '../command-line/program.ts';
import { KSNAP_NAME } from './names.ts';

/** Destroys a snapshot that ksnap made, with those of the same name below it. */
export const run: Run = async ([word = '']) => {
  const { dataset, name } = word.includes('@') ? snapshotNamed(word) : await onlySnapshot(word);
  await destroySet(dataset, name);
  return 0;
};

interface SnapshotName {
  readonly dataset: string;
  readonly name: string;
}

function snapshotNamed(word: string): SnapshotName {
  const { dataset, snapshot: name = '' } = parseDatasetName(word);
  checkIsOurs(word, name);
  return { dataset, name };
}

/** The one snapshot of a name without a dataset. */
async function onlySnapshot(name: string): Promise<SnapshotName> {
  checkIsOurs(name, name);
  const sets = (await listSets(KSNAP_NAME)).filter((set) => set.name === name);
  const [set, ...others] = sets;
  if (!set) {
    const hint = 'ksnap list shows those that there are';
    throw new KexportError('source', `there is no snapshot ${name}`, { hint });
  }
  if (others.length === 0) return set;
  const names = sets.map(({ dataset }) => fullName({ dataset, snapshot: name })).join(', ');
  throw new KexportError('source', `there are several snapshots ${name}: ${names}`, {
    hint: 'name one of them',
  });
}

function checkIsOurs(word: string, name: string): void {
  if (KSNAP_NAME.test(name)) return;
  const what = `${word} is not the name of a snapshot that ksnap made, ksnap-YYYYMMDD-HHMMSS`;
  throw new KexportError('usage', what, { hint: 'zfs destroy destroys any snapshot' });
}
