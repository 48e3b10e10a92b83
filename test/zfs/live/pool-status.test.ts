import { describe, expect, test } from 'vitest';
import { parsePoolStatus } from '../../../src/zfs/live/pool-status.ts';
import { recordedStatus } from '../../support/recorded.ts';

describe('zpool status', () => {
  test('is a tree of vdevs, each with its role', () => {
    const found = parsePoolStatus(recordedStatus('everything')).topLevel.map(
      ({ name, role, children }) => [name, role, children.map((child) => child.name)],
    );
    expect(found).toEqual([
      ['raidz1-0', 'data', ['/dev/vdb2', '/dev/vdb3', '/dev/vdc2']],
      ['/dev/vdc7', 'dedup', []],
      ['mirror-2', 'special', ['/dev/vdb5', '/dev/vdc5']],
      ['mirror-1', 'log', ['/dev/vdb4', '/dev/vdc4']],
      ['/dev/vdb6', 'cache', []],
      ['/dev/vdc6', 'spare', []],
    ]);
  });

  test.each(['special', 'dedup', 'logs', 'cache', 'spares'])(
    'of a pool that is named %s has its data as such, and its groups',
    (name) => {
      const lines = recordedStatus('everything').map((line) => line.replace(/^\tbig/, `\t${name}`));
      expect(lines.filter((line) => line.startsWith(`\t${name} `))).toHaveLength(1);
      const roles = parsePoolStatus(lines).topLevel.map(({ role }) => role);
      expect(roles).toEqual(['data', 'dedup', 'special', 'log', 'cache', 'spare']);
    },
  );

  test('may have a checkpoint', () => {
    expect(parsePoolStatus(recordedStatus('mirror-checkpoint')).checkpoint).toBe(
      'created Sun Nov 22 23:32:11 2026, consumes 42K',
    );
    expect(parsePoolStatus(recordedStatus('mirror')).checkpoint).toBeUndefined();
  });

  test('has no vdevs if it is empty', () => {
    expect(parsePoolStatus([])).toMatchObject({ topLevel: [] });
  });
});
