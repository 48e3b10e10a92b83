import { describe, expect, test } from 'vitest';
import { fields } from '../../src/zfs/run.ts';
import { groupSets } from '../../src/zfs/snapshot-sets.ts';
import { linesOf, recorded } from '../support/recorded.ts';

describe('snapshots of one name', () => {
  const rows = fields(linesOf(recorded('list-snapshots-used').stdout));

  test('are one set if one lies above the others', () => {
    const sets = groupSets(rows).map(({ dataset, name, count }) => [dataset, name, count]);
    expect(sets.sort()).toEqual([
      ['tank', 'ksnap-20260102-030405', 6],
      ['tank/vm/disk-0', 'before', 1],
      ['tank/vm/my disk', 'visible one', 1],
    ]);
  });

  test('are as many sets as there are topmost ones', () => {
    const below = rows.filter(([name]) => !/^tank(\/vm)?@/.test(name ?? ''));
    const ours = groupSets(below).filter(({ name }) => name.startsWith('ksnap-'));
    expect(ours.map(({ dataset }) => dataset)).toEqual([
      'tank/vm/disk-0',
      'tank/vm/disk-1',
      'tank/vm/hidden',
      'tank/vm/my disk',
    ]);
  });

  test('are apart where one name only begins like the other', () => {
    const sets = groupSets([
      ['tank/vm-2@x', '2', '0'],
      ['tank/vm@x', '1', '0'],
    ]);
    expect(sets.map(({ dataset }) => dataset)).toEqual(['tank/vm', 'tank/vm-2']);
  });
});
