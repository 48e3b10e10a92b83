// btrfs has device numbers of its own, may be on several devices, and is mounted by any name of
// one.

import { mkdirSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { mountsOf } from '../../src/host/disks.ts';
import { hostDisk } from '../../src/host/host-disk.ts';
import { listMounts } from '../../src/host/mounts.ts';
import { mountedOn } from '../../src/live/mounted-copy.ts';
import { temporaryFolder } from '../support/folder.ts';
import { loopDevice } from '../support/loop-device.ts';
import { mountedDevice } from '../support/mounted.ts';
import { describeAsRoot, describeWith, run } from '../support/peers.ts';

const MIB = 2 ** 20;

function emptyDevice(): string {
  const file = join(temporaryFolder(), 'disk');
  writeFileSync(file, '');
  truncateSync(file, 128 * MIB);
  return loopDevice(file);
}

/** Where a device is mounted, by its path. */
async function mountPointsOf(device: string): Promise<string[]> {
  const mounts = await mountsOf(basename(device), await listMounts());
  return mounts.map(({ mountPoint }) => mountPoint);
}

describeAsRoot('btrfs', () => {
  describeWith(['mkfs.btrfs'], 'that is mounted', () => {
    test('is found on each of its devices, and on no other', async () => {
      const [one, two, other] = [emptyDevice(), emptyDevice(), emptyDevice()];
      run('mkfs.btrfs', '--quiet', '--data', 'raid1', '--metadata', 'raid1', one, two);
      run('mkfs.btrfs', '--quiet', other);
      const [folder, elsewhere] = [mountedDevice(one), mountedDevice(other)];
      expect(await mountPointsOf(one)).toEqual([folder]);
      expect(await mountPointsOf(two)).toEqual([folder]);
      expect(await mountPointsOf(other)).toEqual([elsewhere]);
      const disk = await hostDisk(two);
      expect(await mountedOn(disk!, await listMounts())).toMatchObject({
        path: two,
        mountPoint: folder,
        type: 'btrfs',
      });
    });

    test('is found where its mount has another name of the device', async () => {
      const device = emptyDevice();
      run('mkfs.btrfs', '--quiet', device);
      const folder = mountedDevice(device);
      const mounts = await listMounts();
      const link = join(temporaryFolder(), 'link');
      symlinkSync(device, link);
      for (const source of [link, '/dev/root']) {
        const named = mounts.map((mount) =>
          mount.mountPoint === folder ? { ...mount, source } : mount,
        );
        const found = await mountsOf(basename(device), named);
        expect(found).toMatchObject([{ source, mountPoint: folder }]);
      }
    });

    test('is found wherever it is mounted, subvolumes too', async () => {
      const [one, two] = [emptyDevice(), emptyDevice()];
      run('mkfs.btrfs', '--quiet', one, two);
      const folder = mountedDevice(one);
      run('btrfs', 'subvolume', 'create', join(folder, 'sub'));
      const inner = join(temporaryFolder(), 'inner');
      mkdirSync(inner);
      run('mount', '-o', 'subvol=sub', two, inner);
      onTestFinished(() => {
        run('umount', inner);
      });
      expect(await mountPointsOf(two)).toEqual([folder, inner]);
    });
  });
});
