import { statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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
