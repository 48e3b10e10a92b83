// Images as VirtualBox writes them, whole and damaged, by the built command.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { runIn, testWith } from '../support/peers.ts';
import { virtualboxVhd, virtualboxVmdk } from '../support/virtualbox.ts';

const DISK = join(import.meta.dirname, '../../fixtures/disk.raw');
const disk = readFileSync(DISK);

const IMAGES: Readonly<Record<string, Buffer>> = {
  'box.vmdk': virtualboxVmdk(disk),
  'box.vhd': virtualboxVhd(disk),
};

describe.each([
  ['box.vmdk', 'vmdk', 'monolithicSparse'],
  ['box.vhd', 'vpc', 'dynamic'],
])('%s of VirtualBox', (name, driver, subformat) => {
  const image = IMAGES[name]!;

  function folderWith(bytes: Buffer): string {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, name), bytes);
    return cwd;
  }
  const changed = (change: (copy: Buffer) => void) => {
    const copy = Buffer.from(image);
    change(copy);
    return copy;
  };
  const verify = (bytes: Buffer) =>
    kexport(['verify', name, '--against', DISK], { cwd: folderWith(bytes) });

  test('is sound, and the disk', () => {
    expect(verify(image)).toMatchObject({ status: 0, stderr: '' });
    const { stdout } = kexport(['info', name, '--json'], { cwd: folderWith(image) });
    expect(JSON.parse(stdout)).toMatchObject({ subformat, partitionTable: { kind: 'gpt' } });
  });

  testWith(['qemu-img'], 'is the disk to QEMU too', () => {
    const args = ['-f', driver, '-O', 'raw', name, 'theirs'];
    const cwd = folderWith(image);
    runIn(cwd, 'qemu-img', 'convert', ...args);
    // QEMU goes by the geometry of such a VHD, which is smaller.
    const theirs = readFileSync(join(cwd, 'theirs'));
    expect(theirs.length).toBeGreaterThan(7 * 2 ** 20);
    expect(disk.subarray(0, theirs.length).equals(theirs)).toBe(true);
  });

  test('that was cut off is told of', () => {
    const { status, stdout } = verify(image.subarray(0, -70_000));
    expect(stdout).toMatch(/error: .*(ends at|footer)/);
    expect(status).toBe(1);
  });

  test('with a bit turned in its data differs', () => {
    const at = image.length - 100_000;
    const broken = changed((copy) => copy.writeUInt8(copy.readUInt8(at) ^ 4, at));
    const { status } = verify(broken);
    // Of a sector that was never written nobody reads what lies there.
    expect(status).toBe(name.endsWith('.vmdk') ? 1 : 0);
  });

  test('with a bit turned in its header or footer cannot be read, or is told of', () => {
    const broken = changed((copy) => {
      for (const at of [21, copy.length - 512 + 21]) copy.writeUInt8(copy.readUInt8(at) ^ 4, at);
    });
    const { status } = verify(broken);
    expect([1, 3]).toContain(status);
  });
});
