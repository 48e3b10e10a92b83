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
      idle: [],
      missing: [],
      absent: [],
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
      idle: [],
      missing: ['/dev/vdb2'],
      absent: [],
      obstacle: undefined,
    });
  });

  test('does not import with a side that is offline, but with the other one', () => {
    expect(poolShape(status('mirror-offline'), on('vdc')).obstacle?.what).toBe(
      '/dev/vdc2 is OFFLINE',
    );
    expect(poolShape(status('mirror-offline'), on('vdb')).obstacle).toBeUndefined();
  });

  test.each([
    ['everything', 'vdb', '/dev/vdc2 of raidz1-0 lies elsewhere'],
    ['stripe', 'vdb2', '/dev/vdb3 lies elsewhere'],
  ])('has too little of the pool %s on %s, and says what is missing', (name, disk, obstacle) => {
    expect(poolShape(status(name), on(disk)).obstacle).toEqual({
      what: obstacle,
      isElsewhere: true,
    });
  });

  test('has too little of a pool whose log is elsewhere', () => {
    const found = poolShape(status('everything'), (device) => !/vd[bc]4$/.test(device));
    expect(found.obstacle?.what).toBe('its log device /dev/vdb4 of mirror-1 lies elsewhere');
  });

  test('has enough of a pool whose spare is elsewhere', () => {
    const found = poolShape(status('everything'), (device) => device !== '/dev/vdc6');
    expect(found.obstacle).toBeUndefined();
  });

  test('has nothing of a pool that lies on LUKS on it', () => {
    const layerOf = (device: string) => (device === '/dev/vdb2' ? 'LUKS on /dev/vda3' : undefined);
    const { present, obstacle } = poolShape(status('mirror'), on('vda'), layerOf);
    expect(present).toEqual([]);
    expect(obstacle?.what).toBe('/dev/vdb2 is LUKS on /dev/vda3');
  });

  const scrubbed = 'scrub repaired 0B in 00:10:00 with 0 errors on Sun Nov  8 00:34:01 2026';
  test.each([
    ['by a healing resilver', ['resilver in progress since Sun Nov 22 23:32:11 2026']],
    ['sequentially', ['resilver (mirror-0) in progress since Sun Nov 22 23:32:11 2026']],
    [
      'sequentially after a scrub',
      [scrubbed, 'resilver (mirror-0) in progress since Sun Nov 22 23:32:11 2026'],
    ],
  ])('has too little while a mirror is resilvered %s', (_, scans) => {
    const found = poolShape(withScans('mirror', scans), on('vdb'));
    expect(found.obstacle?.what).toBe('it is resilvering');
  });

  test('has all of a mirror that was scrubbed and resilvered', () => {
    const resilvered = 'resilvered (mirror-0) 1.1G in 00:01:00 with 0 errors on Sun Nov 22 2026';
    const done = withScans('mirror', [scrubbed, resilvered]);
    expect(poolShape(done, on('vdb')).obstacle).toBeUndefined();
  });

  test.each(['resilvering', 'awaiting resilver'])(
    'does not import with a side that is marked (%s), but with the other one',
    (mark) => {
      const lines = recordedStatus('mirror').map((line) =>
        line.includes('/dev/vdc2') ? `${line}  (${mark})  (trimming)` : line,
      );
      expect(poolShape(parsePoolStatus(lines), on('vdc')).obstacle?.what).toBe(
        '/dev/vdc2 is being resilvered',
      );
      expect(poolShape(parsePoolStatus(lines), on('vdb')).obstacle).toBeUndefined();
    },
  );
});

/** A recorded status with those lines `scan:`. */
const withScans = (name: string, scans: readonly string[]) =>
  parsePoolStatus([...scans.map((scan) => `  scan: ${scan}`), ...recordedStatus(name)]);

/** Three devices of raidz1, of which the last has another state. */
const raidz = (state: string) =>
  parsePoolStatus([
    '\tNAME STATE READ WRITE CKSUM',
    '\ttank DEGRADED 0 0 0',
    '\t  raidz1-0 DEGRADED 0 0 0',
    '\t    /dev/vdb1 ONLINE 0 0 0',
    '\t    /dev/vdc1 ONLINE 0 0 0',
    `\t    /dev/vdd1 ${state} 0 0 0`,
    '',
  ]);

describe('the images of several disks', () => {
  const onSome = (disks: RegExp) => (device: string) => disks.test(device);

  test('have all of a pool over them, with its caches and spares', () => {
    const { present, idle, missing, obstacle } = poolShape(status('everything'), on('vd'));
    expect(obstacle).toBeUndefined();
    expect(missing).toEqual([]);
    expect(present).toHaveLength(8);
    expect(idle).toEqual(['/dev/vdb6', '/dev/vdc6']);
  });

  test('need every device that the pool has', () => {
    const { obstacle } = poolShape(raidz('ONLINE'), onSome(/vd[bc]/));
    expect(obstacle).toEqual({ what: '/dev/vdd1 of raidz1-0 lies elsewhere', isElsewhere: true });
  });

  test('do without one that the pool lacks, as far as there is parity', () => {
    expect(poolShape(raidz('UNAVAIL'), onSome(/vd[bc]/))).toEqual({
      present: ['/dev/vdb1', '/dev/vdc1'],
      idle: [],
      missing: [],
      absent: ['/dev/vdd1'],
      obstacle: undefined,
    });
    const one = poolShape(raidz('UNAVAIL'), onSome(/vdb/)).obstacle;
    expect(one).toEqual({ what: '/dev/vdc1 of raidz1-0 lies elsewhere', isElsewhere: true });
  });

  test('have no use for a device that is not online', () => {
    const { obstacle } = poolShape(raidz('OFFLINE'), onSome(/vd/));
    expect(obstacle).toEqual({ what: '/dev/vdd1 is OFFLINE', isElsewhere: false });
  });
});
