import { listSets } from '../../zfs/snapshot-sets.ts';
import { print } from '../command-line/print.ts';
import type { Run } from '../command-line/program.ts';
import { formatSize } from '../print/sizes.ts';
import { formatTable } from '../print/table.ts';
import { KSNAP_NAME } from './names.ts';

/** Lists the snapshots that ksnap made. Those of one call are one line. */
export const run: Run = async () => {
  const sets = await listSets(KSNAP_NAME);
  if (sets.length === 0) return 0;
  const rows = sets.map(({ dataset, name, createdAt, used, count }) => [
    `${dataset}@${name}`,
    new Date(createdAt * 1000).toLocaleString('sv'), // 2026-01-02 03:04:05
    formatSize(used),
    String(count),
  ]);
  await print(formatTable([['SNAPSHOT', 'MADE', 'USED', 'DATASETS'], ...rows]));
  return 0;
};
