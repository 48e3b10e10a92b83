// Disks that QEMU has open, as it tells by its locks.

import { spawn } from 'node:child_process';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { kexport, shell } from '../support/kexport.ts';
import { loopDevice } from '../support/loop-device.ts';
import { describeAsRoot, describeWith, run } from '../support/peers.ts';
import { until } from '../support/until.ts';

const disk = withPartition(noise(2 ** 20));

/** Lets QEMU have a file open until the end of the test. */
async function openInQemu(path: string, ...options: string[]): Promise<void> {
  const child = spawn('qemu-io', [...options, path], { stdio: ['pipe', 'ignore', 'inherit'] });
  onTestFinished(() => {
    child.kill();
  });
  const inode = new RegExp(`:${statSync(path).ino} 100 10[01]$`, 'm');
  await until(() => inode.test(readFileSync('/proc/locks', 'latin1')));
}

describeWith(['qemu-io', 'qemu-img'], 'a disk that QEMU has open for writing', () => {
  test.each(['qcow2', 'raw'])('is refused: %s', async (format) => {
    const cwd = folderWith({ disk });
    const vm = `vm.${format}`;
    run('qemu-img', 'convert', '-f', 'raw', '-O', format, join(cwd, 'disk'), join(cwd, vm));
    await openInQemu(join(cwd, vm), '-f', format);
    for (const line of [
      `kexport vhd ${vm}`,
      `kexport vhd ${vm} --dry-run`,
      `kexport vhd --from ${format} -o x.vhd - < ${vm}`,
    ]) {
      const { status, stderr } = shell(line, cwd);
      expect(stderr).toMatch(
        /^kexport: .+ is in use: QEMU has it open for writing: .*--no-snapshot/,
      );
      expect(status).toBe(1);
    }
    expect(readdirSync(cwd).sort()).toEqual(['disk', vm]);
  });

  test('is read as it is with --no-snapshot, and a warning', async () => {
    const cwd = folderWith({ disk });
    await openInQemu(join(cwd, 'disk'), '-f', 'raw');
    const { status, stderr } = kexport(['raw', 'disk', '--no-snapshot', '-o', 'copy'], { cwd });
    expect(stderr).toContain(
      'warning: disk is in use: QEMU has it open for writing: the image may',
    );
    expect(status).toBe(0);
    expect(readFileSync(join(cwd, 'copy')).equals(disk)).toBe(true);
  });
});

describeWith(['qemu-io'], 'a disk that QEMU has open for reading', () => {
  test('is exported', async () => {
    const cwd = folderWith({ disk });
    await openInQemu(join(cwd, 'disk'), '-r', '-f', 'raw');
    const { status, stderr } = kexport(['raw', 'disk', '-o', 'copy'], { cwd });
    expect(stderr).not.toContain('QEMU');
    expect(status).toBe(0);
  });
});

describeAsRoot('a device that QEMU has open', () => {
  test('is not written to', async () => {
    const cwd = folderWith({ disk });
    writeFileSync(join(cwd, 'guest'), new Uint8Array(disk.length));
    const device = loopDevice(join(cwd, 'guest'));
    await openInQemu(device, '-r', '-f', 'raw');
    const { status, stderr } = kexport(['raw', 'disk', '-o', device, '--force'], { cwd });
    expect(stderr).toContain(`${device} is in use: QEMU has it open`);
    expect(status).toBe(1);
  });
});
