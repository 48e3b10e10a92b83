import { expect, test } from 'vitest';
import { createArguments, parsePoolProperties } from '../../../src/zfs/golden/pool-properties.ts';
import { ownerInName } from '../../../src/zfs/golden/spool-disk.ts';

const LINES = [
  'size\t7247757312\t-',
  'guid\t123\t-',
  'ashift\t12\tlocal',
  'autotrim\ton\tlocal',
  'bootfs\trpool/ROOT/debian\tlocal',
  'cachefile\tnone\tlocal',
  'comment\tof the lab\tlocal',
  'compatibility\tgrub2\tlocal',
  'delegation\ton\tdefault',
  'multihost\ton\tlocal',
  'version\t-\tdefault',
  'feature@async_destroy\tenabled\tlocal',
  'feature@lz4_compress\tactive\tlocal',
  'feature@encryption\tdisabled\tlocal',
  'unsupported@org.example:new\tinactive\tlocal',
];

test('a pool of an image has the properties and features of its source, and no others', () => {
  const properties = parsePoolProperties(LINES);
  expect(properties).toEqual({
    options: [
      ['autotrim', 'on'],
      ['comment', 'of the lab'],
    ],
    compatibility: 'grub2',
    features: ['async_destroy', 'lz4_compress'],
    multihost: true,
  });
  const args = createArguments({
    ...{ name: 'rpool', temporaryName: 'kexport-1', ashift: 12, properties },
    ...{ device: '/dev/loop0p2', altroot: '/run/kexport-1' },
  });
  expect(args.join(' ')).toBe(
    [
      'create -d -t kexport-1 -R /run/kexport-1 -o ashift=12 -o cachefile=none -o autotrim=on',
      '-o comment=of the lab -o feature@async_destroy=enabled -o feature@lz4_compress=enabled',
      '-O canmount=off -O mountpoint=none -O volmode=none rpool /dev/loop0p2',
    ].join(' '),
  );
});

test('the owner of a spool file is in its name', () => {
  const owner = '0c8a505e-1111-2222-3333-444455556666:4026531836:4711:99:web1.example.org';
  expect(ownerInName(`/tmp/kexport-${owner}.1a2b3c4d.disk`)).toBe(owner);
  expect(ownerInName('/tmp/kexport-1a2b.spool')).toBeUndefined();
});
