// What a user is left with when an export cannot go on.

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { DISKS, noise, withPartition, writeDisk } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexport, startKexport } from '../support/kexport.ts';
import { compareWithRaw, describeAsRoot, run } from '../support/peers.ts';

const MIB = 2 ** 20;

describe.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const)('%s in mid-export', (signal, expected) => {
  test.each(['qcow2', 'raw', 'qcow2,raw'])('leaves no file: %s', async (formats) => {
    const cwd = temporaryFolder();
    const { child, ended } = startKexport([formats, '-', '--name', 'x'], cwd);
    child.stdin.write(noise(4 * MIB));
    await until(() => readdirSync(cwd).length > 0);
    child.kill(signal);
    const { status, stderr } = await ended;
    expect(stderr).toBe('kexport: interrupted\n');
    expect(status).toBe(expected);
    expect(readdirSync(cwd)).toEqual([]);
  });
});

describe('SIGINT', () => {
  test('ends an export whose output nobody reads', async () => {
    const cwd = temporaryFolder();
    const { child, ended } = startKexport(['raw', '-', '-o', '-'], cwd);
    child.stdin.write(noise(4 * MIB));
    await new Promise((resolve) => child.stdout.once('readable', resolve));
    child.kill('SIGINT');
    child.stdout.resume(); // only for the process's end to be seen
    expect(await ended).toMatchObject({ status: 130, stderr: 'kexport: interrupted\n' });
  });
});

describe('a second signal', () => {
  test('ends the program at once, which says what is left and how to remove it', async () => {
    const cwd = temporaryFolder();
    const { child, ended } = startKexport(['qcow2', '-', '-o', "a b's.qcow2"], cwd);
    child.stdin.write(noise(4 * MIB));
    await until(() => readdirSync(cwd).length > 0);
    // Stopped, it gets both when it goes on.
    child.kill('SIGSTOP');
    child.kill('SIGINT');
    child.kill('SIGTERM');
    child.kill('SIGCONT');
    const { status, stderr } = await ended;
    expect([130, 143]).toContain(status);
    expect(stderr).toBe(
      `kexport: stopped at once; left behind:\n  a b's.qcow2.partial: rm 'a b'\\''s.qcow2.partial'\n`,
    );
  });
});

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

describeAsRoot('a full target', () => {
  test.each(['qcow2', 'raw', 'qcow2,raw'])('gives one line and leaves no file: %s', (formats) => {
    const cwd = temporaryFolder();
    const full = mounted('tmpfs', 'size=4m');
    writeFileSync(join(cwd, 'disk'), withPartition(noise(16 * MIB)));
    const args = [formats, 'disk', '--output-dir', full, '--name', 'x'];
    const { status, stderr } = kexport(args, { cwd });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^kexport: cannot write .*x\.(qcow2|raw): no space left on device/);
    expect(stderr).toMatch(/ENOSPC\) \(make room there, or choose another folder.*\)\n$/);
    expect(stderr.split('\n')).toHaveLength(2);
    expect(readdirSync(full)).toEqual([]);
  });

  function mounted(type: string, options: string): string {
    const folder = temporaryFolder();
    run('mount', '-t', type, '-o', options, type, folder);
    onTestFinished(() => {
      run('umount', folder);
    });
    return folder;
  }
});

describeAsRoot('a block device', () => {
  const disk = DISKS[5]!; // 33 MiB of text, noise and zeros

  function loopDevice(path: string): string {
    const device = run('losetup', '--find', '--show', path).trim();
    onTestFinished(() => {
      run('losetup', '--detach', device);
    });
    return device;
  }

  test('is exported with its own size, whatever it begins with', () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'disk'), Buffer.from('QFI\xfb'.padEnd(3 * 512, '\0'), 'latin1'));
    const device = loopDevice(join(cwd, 'disk'));
    expect(kexport(['qcow2,raw', device, '--name', 'x'], { cwd }).status).toBe(0);
    run('cmp', join(cwd, 'x.raw'), join(cwd, 'disk'));
    compareWithRaw('qcow2', join(cwd, 'x.qcow2'), join(cwd, 'disk'));
  });

  test('as target takes a raw disk, zeros too, but only with --force', () => {
    const cwd = temporaryFolder();
    writeDisk(join(cwd, 'disk'), disk);
    writeFileSync(join(cwd, 'target'), noise(disk.size));
    const device = loopDevice(join(cwd, 'target'));
    const refused = kexport(['raw', 'disk', '-o', device], { cwd });
    expect(refused).toMatchObject({ status: 2 });
    expect(refused.stderr).toContain('all that it holds would be lost');
    expect(kexport(['qcow2', 'disk', '-o', device, '--force'], { cwd }).status).toBe(2);
    expect(kexport(['raw', 'disk', '-o', device, '--force'], { cwd }).status).toBe(0);
    run('cmp', device, join(cwd, 'disk'));
  });

  test('as target is refused while it is mounted or too small', () => {
    const cwd = temporaryFolder();
    writeDisk(join(cwd, 'disk'), disk);
    run('mkfs.ext4', '-q', join(cwd, 'target'), '8M');
    const device = loopDevice(join(cwd, 'target'));
    const small = kexport(['raw', 'disk', '-o', device, '--force'], { cwd });
    expect(small.status).toBe(1);
    expect(small.stderr).toContain(
      `${device} is too small: it has 8388608 bytes, the disk ${disk.size}`,
    );
    run('mount', device, mkdir(cwd));
    const busy = kexport(['raw', 'disk', '-o', device, '--force'], { cwd });
    run('umount', device);
    expect(busy.status).toBe(1);
    expect(busy.stderr).toContain(`${device} is in use: mounted, swap, or part of a pool`);
    run('e2fsck', '-fn', join(cwd, 'target'));
  });

  function mkdir(cwd: string): string {
    const folder = join(cwd, 'mnt');
    if (!existsSync(folder)) run('mkdir', folder);
    return folder;
  }
});
