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
      'warning: disk is in use: QEMU has it open for writing: what is read may',
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

describeWith(['qemu-io', 'qemu-img'], 'a file of an image that QEMU has open for writing', () => {
  test.each([
    ['a backing file', 'qemu-img create -q -f qcow2 -F raw -b disk vm.qcow2', 'vm.qcow2'],
    [
      'the extent of a vmdk',
      'qemu-img convert -f raw -O vmdk -o subformat=monolithicFlat disk vm.vmdk; rm disk; mv vm-flat.vmdk disk; sed -i s/vm-flat.vmdk/disk/ vm.vmdk',
      'vm.vmdk',
    ],
  ])('is refused: %s', async (_, made, image) => {
    const cwd = folderWith({ disk });
    expect(shell(`set -e; ${made}`, cwd)).toMatchObject({ status: 0 });
    await openInQemu(join(cwd, 'disk'), '-f', 'raw');
    for (const line of [`raw ${image} -o x`, `verify ${image}`, `verify ${image} --against x`]) {
      const { stderr, status } = shell(`kexport ${line} --allow-backing`, cwd);
      expect(stderr).toMatch(/^kexport: .*disk is in use: QEMU has it open for writing/);
      expect(status).toBe(line.startsWith('raw') ? 1 : 3);
    }
    expect(readdirSync(cwd).sort()).toEqual(['disk', image]);
  });
});

describeWith(['qemu-io'], 'kexport verify of a disk that QEMU has open for writing', () => {
  test('is refused on either side, and done with --no-snapshot', async () => {
    const cwd = folderWith({ disk, copy: disk });
    await openInQemu(join(cwd, 'disk'), '-f', 'raw');
    for (const line of ['disk', 'disk --against copy', 'copy --against disk']) {
      const refused = shell(`kexport verify ${line}`, cwd);
      expect(refused.stderr).toContain('disk is in use: QEMU has it open for writing');
      expect(refused.status).toBe(3);
      const done = shell(`kexport verify ${line} --no-snapshot`, cwd);
      expect(done.stderr).toContain('warning: disk is in use: QEMU has it open for writing');
      expect(done.status).toBe(0);
    }
  });
});

describeWith(['qemu-io'], 'a file that QEMU has open', () => {
  test('is not replaced, even with --force', async () => {
    const cwd = folderWith({ disk, 'vm.raw': disk });
    await openInQemu(join(cwd, 'vm.raw'), '-f', 'raw');
    const { status, stderr } = kexport(['raw', 'disk', '-o', 'vm.raw', '--force'], { cwd });
    expect(stderr).toContain('vm.raw is in use: QEMU has it open');
    expect(status).toBe(1);
    expect(readdirSync(cwd).sort()).toEqual(['disk', 'vm.raw']);
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
