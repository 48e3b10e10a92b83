import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { poolShape } from '../../src/zfs/live/pool-shape.ts';
import { parsePoolStatus } from '../../src/zfs/live/pool-status.ts';

const POOLS = join(import.meta.dirname, '../../fixtures/zfs/pools');
const status = (name: string) =>
  parsePoolStatus(readFileSync(join(POOLS, `${name}.txt`), 'utf8').split('\n'));
const on = (disk: string) => (device: string) => device.startsWith(`/dev/${disk}`);

describe('zpool status', () => {
  test('is a tree of vdevs, each with what it is for', () => {
    const found = status('everything').topLevel.map(({ name, role, children }) => [
      name,
      role,
      children.map((child) => child.name),
    ]);
    expect(found).toEqual([
      ['raidz1-0', 'data', ['/dev/vdb2', '/dev/vdb3', '/dev/vdc2']],
      ['/dev/vdc7', 'dedup', []],
      ['mirror-2', 'special', ['/dev/vdb5', '/dev/vdc5']],
      ['mirror-1', 'log', ['/dev/vdb4', '/dev/vdc4']],
      ['/dev/vdb6', 'cache', []],
      ['/dev/vdc6', 'spare', []],
    ]);
  });

  test('tells of a checkpoint', () => {
    expect(status('mirror-checkpoint').checkpoint).toBe(
      'created Sun Nov 22 23:32:11 2026, consumes 42K',
    );
    expect(status('mirror').checkpoint).toBeUndefined();
  });

  test('that says nothing has no vdevs', () => {
    expect(parsePoolStatus([])).toMatchObject({ topLevel: [] });
  });
});

describe('an image of one disk has', () => {
  test('all of a pool that lies on it', () => {
    expect(poolShape(status('stripe'), on('vdb'))).toEqual({
      present: ['/dev/vdb2', '/dev/vdb3'],
      missing: [],
      obstacle: undefined,
    });
    expect(poolShape(status('everything'), on('vd')).obstacle).toBeUndefined();
  });

  test('nothing of a pool elsewhere', () => {
    expect(poolShape(status('stripe'), on('vdc')).present).toEqual([]);
  });

  test('one side of a mirror', () => {
    expect(poolShape(status('mirror'), on('vdc'))).toEqual({
      present: ['/dev/vdc2'],
      missing: ['/dev/vdb2'],
      obstacle: undefined,
    });
  });

  test('no use of a side that is offline, while the other one will do', () => {
    expect(poolShape(status('mirror-offline'), on('vdc')).obstacle).toBe('/dev/vdc2 is OFFLINE');
    expect(poolShape(status('mirror-offline'), on('vdb')).obstacle).toBeUndefined();
  });

  test.each([
    ['everything', 'vdb', '/dev/vdc2 of raidz1-0 is not on that disk'],
    ['stripe', 'vdb2', '/dev/vdb3 is not on that disk'],
  ])('too little of the pool %s on %s, which is said by name', (name, disk, obstacle) => {
    expect(poolShape(status(name), on(disk)).obstacle).toBe(obstacle);
  });

  test('too little of a pool whose log is elsewhere', () => {
    const found = poolShape(status('everything'), (device) => !/vd[bc]4$/.test(device));
    expect(found.obstacle).toBe('its log device /dev/vdb4 of mirror-1 is not on that disk');
  });

  test('nothing to lose with a spare elsewhere', () => {
    const found = poolShape(status('everything'), (device) => device !== '/dev/vdc6');
    expect(found.obstacle).toBeUndefined();
  });

  test('no use of what is on it by way of LUKS', () => {
    const layerOf = (device: string) => (device === '/dev/vdb2' ? 'LUKS on /dev/vda3' : undefined);
    const { present, obstacle } = poolShape(status('mirror'), on('vda'), layerOf);
    expect(present).toEqual([]);
    expect(obstacle).toBe('/dev/vdb2 is LUKS on /dev/vda3');
  });

  test('too little while a mirror is resilvered', () => {
    const scan = 'resilver in progress since Sun Nov 22 23:32:11 2026';
    expect(poolShape({ ...status('mirror'), scan }, on('vdb')).obstacle).toBe('it is resilvering');
  });
});
