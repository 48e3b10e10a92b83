import { describe, expect, test } from 'vitest';
import { poolShape } from '../../../src/zfs/live/pool-shape.ts';
import { parsePoolStatus } from '../../../src/zfs/live/pool-status.ts';
import { recordedStatus } from '../../support/recorded.ts';

const status = (name: string) => parsePoolStatus(recordedStatus(name));
const on = (disk: string) => (device: string) => device.startsWith(`/dev/${disk}`);

describe('the image of one disk', () => {
  test('has all of a pool that lies on that disk', () => {
    expect(poolShape(status('stripe'), on('vdb'))).toEqual({
      present: ['/dev/vdb2', '/dev/vdb3'],
      missing: [],
      obstacle: undefined,
    });
    expect(poolShape(status('everything'), on('vd')).obstacle).toBeUndefined();
  });

  test('has nothing of a pool elsewhere', () => {
    expect(poolShape(status('stripe'), on('vdc')).present).toEqual([]);
  });

  test('has one side of a mirror', () => {
    expect(poolShape(status('mirror'), on('vdc'))).toEqual({
      present: ['/dev/vdc2'],
      missing: ['/dev/vdb2'],
      obstacle: undefined,
    });
  });

  test('does not import with a side that is offline, but with the other one', () => {
    expect(poolShape(status('mirror-offline'), on('vdc')).obstacle).toBe('/dev/vdc2 is OFFLINE');
    expect(poolShape(status('mirror-offline'), on('vdb')).obstacle).toBeUndefined();
  });

  test.each([
    ['everything', 'vdb', '/dev/vdc2 of raidz1-0 is not on that disk'],
    ['stripe', 'vdb2', '/dev/vdb3 is not on that disk'],
  ])('has too little of the pool %s on %s, and says what is missing', (name, disk, obstacle) => {
    expect(poolShape(status(name), on(disk)).obstacle).toBe(obstacle);
  });

  test('has too little of a pool whose log is elsewhere', () => {
    const found = poolShape(status('everything'), (device) => !/vd[bc]4$/.test(device));
    expect(found.obstacle).toBe('its log device /dev/vdb4 of mirror-1 is not on that disk');
  });

  test('has enough of a pool whose spare is elsewhere', () => {
    const found = poolShape(status('everything'), (device) => device !== '/dev/vdc6');
    expect(found.obstacle).toBeUndefined();
  });

  test('has nothing of a pool that lies on LUKS on it', () => {
    const layerOf = (device: string) => (device === '/dev/vdb2' ? 'LUKS on /dev/vda3' : undefined);
    const { present, obstacle } = poolShape(status('mirror'), on('vda'), layerOf);
    expect(present).toEqual([]);
    expect(obstacle).toBe('/dev/vdb2 is LUKS on /dev/vda3');
  });

  test('has too little while a mirror is resilvered', () => {
    const scan = 'resilver in progress since Sun Nov 22 23:32:11 2026';
    expect(poolShape({ ...status('mirror'), scan }, on('vdb')).obstacle).toBe('it is resilvering');
  });
});
