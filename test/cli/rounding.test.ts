import { statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { shell } from '../support/kexport.ts';
import { compareImage, describeWith, run, runIn } from '../support/peers.ts';
import { report } from '../support/report.ts';

const MIB = 2 ** 20;

describeWith(['sgdisk', 'qemu-img'], 'a disk that a format must round up', () => {
  /** 97 MiB and 300 KiB with a GPT. */
  function folderWithGpt(): string {
    const folder = folderWith({ disk: '' });
    truncateSync(join(folder, 'disk'), 97 * MIB + 300 * 1024);
    run('sgdisk', '-n', '1:2048:+90M', '-c', '1:root', join(folder, 'disk'));
    return folder;
  }

  test('is the same disk in every image, its GPT moved to the new end', () => {
    const cwd = folderWithGpt();
    const { virtualSize } = report(['all', 'disk', '--name', 'x'], cwd);
    expect(virtualSize).toBe(98 * MIB);
    expect(run('sgdisk', '-v', join(cwd, 'x.raw'))).toContain('No problems found');
    for (const format of ['qcow2', 'vhd', 'vmdk'] as const) {
      compareImage(format, join(cwd, `x.${format}`), join(cwd, 'x.raw'));
    }
  });

  test('keeps its bytes with --keep-gpt', () => {
    const cwd = folderWithGpt();
    report(['all', 'disk', '--name', 'x', '--keep-gpt'], cwd);
    const { size } = statSync(join(cwd, 'disk'));
    runIn(cwd, 'cmp', '-n', String(size), 'x.raw', 'disk');
  });

  test('keeps its size with --vhd-align none', () => {
    const cwd = folderWithGpt();
    expect(report(['vhd', 'disk', '--vhd-align', 'none'], cwd).virtualSize).toBe(
      97 * MIB + 300 * 1024,
    );
  });

  test('is rounded up with a warning if it comes from a pipe', () => {
    const cwd = folderWithGpt();
    const { status, stderr } = shell('cat disk | kexport vhd - -o x.vhd -q', cwd);
    expect(status).toBe(0);
    expect(stderr).toMatch(/^kexport: warning: standard input: rounded up from .*sgdisk -e/);
    expect(stderr.split('\n')).toHaveLength(2);
  });

  test('has its GPT moved if it comes from a pipe of stated size', () => {
    const cwd = folderWithGpt();
    const size = statSync(join(cwd, 'disk')).size;
    shell(`cat disk | kexport raw,vhd - --name x --size ${size}`, cwd);
    expect(run('sgdisk', '-v', join(cwd, 'x.raw'))).toContain('No problems found');
  });
});

describeWith(['qemu-img', 'tar'], 'a disk that ends within its last sector', () => {
  // Rounded up to whole sectors, these are whole blocks of 64 KiB or 1 MiB.
  describe.each([2 * MIB - 1, MIB + 65025])('of %i bytes', (size) => {
    test.each([
      ['qcow2', 'qcow2'],
      ['vhd', 'vhd'],
      ['vmdk', 'vmdk'],
      ['ova', 'ova'],
      ['vhdx', 'vhdx'],
      ['vdi', 'vdi'],
      ['all', 'vmdk'],
    ] as const)('gets zeros at its end: %s', (formats, image) => {
      const disk = withPartition(noise(2 * MIB)).subarray(0, size);
      const cwd = folderWith({ disk });
      const { virtualSize } = report([formats, 'disk', '--name', 'x', '--verify'], cwd);
      expect(virtualSize % 512).toBe(0);
      const zeros = Buffer.alloc(virtualSize - size);
      writeFileSync(join(cwd, 'padded'), Buffer.concat([disk, zeros]));
      compareImage(image, join(cwd, `x.${image}`), join(cwd, 'padded'));
    });
  });
});
