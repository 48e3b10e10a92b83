// Snapshots of VirtualBox: a VMDK that has only what was written since, and names its parent by a
// UUID alone, with the parentCID of an image without one.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { virtualboxVmdk } from '../support/virtualbox.ts';

const MIB = 2 ** 20;
const BASE = {
  image: '11111111-5a27-4f5a-a2c4-6b8f4c5f2d11',
  modification: `${'2'.repeat(8)}-5a27-4f5a-a2c4-6b8f4c5f2d11`,
};
const CHILD = {
  image: '33333333-5a27-4f5a-a2c4-6b8f4c5f2d11',
  parent: BASE.image,
  parentModification: BASE.modification,
};

const old = withPartition(noise(2 * MIB));
const changes = Buffer.concat([Buffer.alloc(MIB), noise(MIB, 7)]);
const now = Buffer.concat([old.subarray(0, MIB), changes.subarray(MIB)]);

/** The folder of a machine with one snapshot, as `VBoxManage snapshot take` leaves it. */
function machine(base: Buffer = virtualboxVmdk(old, BASE)): string {
  const cwd = folderWith({ 'box.vmdk': base, 'other.vmdk': 'not an image' });
  mkdirSync(join(cwd, 'Snapshots'));
  writeFileSync(join(cwd, 'Snapshots/{333}.vmdk'), virtualboxVmdk(changes, CHILD));
  return cwd;
}

const SNAPSHOT = 'Snapshots/{333}.vmdk';
const NEEDED = 'the image with the UUID 11111111-5a27-4f5a-a2c4-6b8f4c5f2d11';

test('is not taken for the whole disk', () => {
  const cwd = machine();
  const { status, stderr } = kexport(['convert', SNAPSHOT, 'raw', '-o', 'x.raw'], { cwd });
  expect(stderr).toBe(
    `kexport: ${SNAPSHOT} needs another file, ${NEEDED} (--allow-backing opens it, if it lies in the folder of the image)\n`,
  );
  expect(status).toBe(1);
  expect(kexport(['info', SNAPSHOT], { cwd }).stdout).toContain(`${NEEDED} (vmdk)`);
  expect(kexport(['verify', SNAPSHOT], { cwd }).stdout).toContain(`${NEEDED} was not opened`);
});

test('is read with its parent, beside it or above the folder of snapshots', () => {
  const cwd = machine();
  writeFileSync(join(cwd, 'child.vmdk'), virtualboxVmdk(changes, CHILD));
  for (const image of [SNAPSHOT, 'child.vmdk']) {
    const args = ['convert', image, 'raw', '-o', 'x.raw', '--allow-backing', '--force', '-q'];
    expect(kexport(args, { cwd })).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(join(cwd, 'x.raw')).equals(now)).toBe(true);
  }
});

test('is refused if its parent is not there, or was written to since', () => {
  const args = ['convert', SNAPSHOT, 'raw', '-o', 'x.raw', '--allow-backing'];
  const image = '44444444-5a27-4f5a-a2c4-6b8f4c5f2d11';
  const missing = kexport(args, { cwd: machine(virtualboxVmdk(old, { ...BASE, image })) });
  expect(missing.stderr).toContain(`needs ${NEEDED}, which is not in its folder`);
  const changed = { ...BASE, modification: image };
  const written = kexport(args, { cwd: machine(virtualboxVmdk(old, changed)) });
  expect(written.stderr).toContain(
    `an image with the UUID of its last change ${BASE.modification}`,
  );
  expect([missing.status, written.status]).toEqual([1, 1]);
});
