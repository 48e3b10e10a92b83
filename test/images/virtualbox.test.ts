// Images as VirtualBox writes them, whole and damaged.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { folderWith } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { runIn, testWith } from '../support/peers.ts';
import { BOOT_DISK } from '../support/project.ts';
import { virtualboxVhd, virtualboxVmdk } from '../support/virtualbox.ts';

const disk = readFileSync(BOOT_DISK);

const IMAGES: Readonly<Record<string, Buffer>> = {
  'box.vmdk': virtualboxVmdk(disk),
  'box.vhd': virtualboxVhd(disk),
};

describe.each([
  ['box.vmdk', 'vmdk', 'monolithicSparse'],
  ['box.vhd', 'vpc', 'dynamic'],
])('%s of VirtualBox', (name, driver, subformat) => {
  const image = IMAGES[name]!;

  const changed = (change: (copy: Buffer) => void) => {
    const copy = Buffer.from(image);
    change(copy);
    return copy;
  };
  const verify = (bytes: Buffer) =>
    kexport(['verify', name, '--against', BOOT_DISK], { cwd: folderWith({ [name]: bytes }) });

  test('is sound, and the same disk', () => {
    expect(verify(image)).toMatchObject({ status: 0, stderr: '' });
    const { stdout } = kexport(['info', name, '--json'], { cwd: folderWith({ [name]: image }) });
    expect(JSON.parse(stdout)).toMatchObject({ subformat, partitionTable: { kind: 'gpt' } });
  });

  testWith(['qemu-img'], 'is the same disk to QEMU', () => {
    const args = ['-f', driver, '-O', 'raw', name, 'theirs'];
    const cwd = folderWith({ [name]: image });
    runIn(cwd, 'qemu-img', 'convert', ...args);
    // QEMU goes by the geometry of a VHD of this creator, which is smaller.
    const theirs = readFileSync(join(cwd, 'theirs'));
    expect(theirs.length).toBeGreaterThan(7 * 2 ** 20);
    expect(disk.subarray(0, theirs.length).equals(theirs)).toBe(true);
  });

  test('is found damaged if it was cut off', () => {
    const { status, stdout } = verify(image.subarray(0, -70_000));
    expect(stdout).toMatch(/error: .*(ends at|footer)/);
    expect(status).toBe(1);
  });

  test('differs if a bit of its data was flipped', () => {
    const at = image.length - 100_000;
    const broken = changed((copy) => copy.writeUInt8(copy.readUInt8(at) ^ 4, at));
    const { status } = verify(broken);
    // In the VHD that is a sector that was never written, so that nobody reads it.
    expect(status).toBe(name.endsWith('.vmdk') ? 1 : 0);
  });

  test('is refused or found damaged if a bit of its header or footer was flipped', () => {
    const broken = changed((copy) => {
      for (const at of [21, copy.length - 512 + 21]) copy.writeUInt8(copy.readUInt8(at) ^ 4, at);
    });
    const { status } = verify(broken);
    expect([1, 3]).toContain(status);
  });
});
