import { expect, test } from 'vitest';
import { parsePoolDevices } from '../../src/zfs/pool-disks.ts';
import { linesOf, recorded } from '../support/recorded.ts';

test('the devices of a pool are found whatever its shape', () => {
  const { stdout } = recorded('kexport-pools-devices');
  expect(parsePoolDevices(linesOf(stdout))).toEqual([
    {
      pool: 'shape',
      paths: expect.arrayContaining([
        '/tmp/file1',
        '/tmp/file2',
        '/tmp/file4',
        '/tmp/file6',
      ]) as unknown,
    },
    { pool: 'tank', paths: ['/dev/vdb1'] },
  ]);
});
