// Targets that are not plain new files.

import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DISKS, noise, withPartition, writeDisk } from '../support/disks.ts';
import { folderWith, temporaryFolder } from '../support/folder.ts';
import { kexport, shell, startKexport } from '../support/kexport.ts';
import { loopDevice } from '../support/loop-device.ts';
import { compareWithRaw, describeAsRoot, run } from '../support/peers.ts';
import { until } from '../support/until.ts';

const MIB = 2 ** 20;
const disk = withPartition(noise(3 * MIB));

const folderWithDisk = () => folderWith({ disk });

/**
 * Whether a process cleans up after a signal by now. Node itself catches SIGINT, but not SIGHUP.
 */
function catchesSignals(pid: number): boolean {
  const mask = /^SigCgt:.*([0-9a-f])$/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1];
  return (parseInt(mask ?? '0', 16) & 1) !== 0;
}

describe('a named pipe as target', () => {
  test('takes an image, however slowly it is read', () => {
    const cwd = folderWithDisk();
    const line = 'mkfifo p; kexport raw disk -o p & cat p > got; wait $!';
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
    expect(readFileSync(join(cwd, 'got')).equals(disk)).toBe(true);
  });

  test('is waited for until a signal if nobody reads it', async () => {
    const cwd = folderWithDisk();
    shell('mkfifo p', cwd);
    const { child, ended } = startKexport(['raw', 'disk', '-o', 'p'], cwd);
    await until(() => catchesSignals(child.pid!));
    child.kill('SIGINT');
    const { status } = await ended;
    expect(status).toBe(130);
  });

  test('is refused with --checksums', () => {
    const cwd = folderWithDisk();
    const { status, stderr } = kexport(['raw', 'disk', '-o', '/dev/null', '--checksums'], { cwd });
    expect(status).toBe(2);
    expect(stderr).toContain('/dev/null is not a file');
  });
});

describe('a symbolic link as target', () => {
  test('stays, and the file that it names is replaced', () => {
    const cwd = folderWithDisk();
    writeFileSync(join(cwd, 'real'), 'old');
    symlinkSync('real', join(cwd, 'link'));
    expect(kexport(['raw', 'disk', '-o', 'link', '--force'], { cwd }).status).toBe(0);
    expect(lstatSync(join(cwd, 'link')).isSymbolicLink()).toBe(true);
    expect(readFileSync(join(cwd, 'real')).equals(disk)).toBe(true);
  });

  test('is refused before the disk is read if it leads to nothing', () => {
    const cwd = folderWithDisk();
    symlinkSync('nothing', join(cwd, 'link'));
    expect(kexport(['raw', 'disk', '-o', 'link'], { cwd }).stderr).toContain('link exists');
  });

  test('is standard output if it is /dev/stdout', () => {
    const cwd = folderWithDisk();
    expect(shell('kexport raw disk -o /dev/stdout --force > got', cwd).status).toBe(0);
    expect(readFileSync(join(cwd, 'got')).equals(disk)).toBe(true);
  });
});

describeAsRoot('a block device', () => {
  const disk = DISKS[5]!; // 33 MiB of text, noise and zeros

  test('is exported with its own size, whatever it begins with', () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'disk'), Buffer.from('QFI\xfb'.padEnd(3 * 512, '\0'), 'latin1'));
    const device = loopDevice(join(cwd, 'disk'));
    expect(kexport(['qcow2,raw', device, '--name', 'x'], { cwd }).status).toBe(0);
    run('cmp', join(cwd, 'x.raw'), join(cwd, 'disk'));
    compareWithRaw('qcow2', join(cwd, 'x.qcow2'), join(cwd, 'disk'));
  });

  test('takes a raw disk, zeros too, but only with --force', () => {
    const cwd = temporaryFolder();
    writeDisk(join(cwd, 'disk'), disk);
    writeFileSync(join(cwd, 'target'), noise(disk.size));
    const device = loopDevice(join(cwd, 'target'));
    const refused = kexport(['raw', 'disk', '-o', device], { cwd });
    expect(refused).toMatchObject({ status: 2 });
    expect(refused.stderr).toContain('everything on it would be lost');
    expect(kexport(['qcow2', 'disk', '-o', device, '--force'], { cwd }).status).toBe(2);
    const written = kexport(['raw', 'disk', '-o', device, '--force'], { cwd });
    expect(written.status).toBe(0);
    expect(written.stderr).not.toMatch(/^next:|--mode/m); // those are for files
    run('cmp', device, join(cwd, 'disk'));
  });

  test('is refused as a target while it is mounted, or if it is too small', () => {
    const cwd = temporaryFolder();
    writeDisk(join(cwd, 'disk'), disk);
    run('mkfs.ext4', '-q', join(cwd, 'target'), '8M');
    const device = loopDevice(join(cwd, 'target'));
    const small = kexport(['raw', 'disk', '-o', device, '--force'], { cwd });
    expect(small.status).toBe(1);
    expect(small.stderr).toContain(
      `${device} is too small: it has 8388608 bytes, the disk ${disk.size}`,
    );
    mkdirSync(join(cwd, 'mnt'));
    run('mount', device, join(cwd, 'mnt'));
    const busy = kexport(['raw', 'disk', '-o', device, '--force'], { cwd });
    run('umount', device);
    expect(busy.status).toBe(1);
    expect(busy.stderr).toContain(`${device} is in use: mounted, swap, or part of a pool`);
    run('e2fsck', '-fn', join(cwd, 'target'));
  });
});

describe('messages that nobody reads', () => {
  test('do not end an export', () => {
    const cwd = folderWithDisk();
    writeFileSync(join(cwd, 'bare'), noise(MIB)); // raises a warning
    const line = 'kexport raw bare -o x.raw 2> >(true); echo $?';
    expect(shell(line, cwd).stdout).toBe('0\n');
    expect(readdirSync(cwd).sort()).toEqual(['bare', 'disk', 'x.raw']);
  });

  test('on stdout fail it without a word, after the images are made', () => {
    const cwd = folderWithDisk();
    const line = 'kexport raw disk -o x.raw --json | true; echo "${PIPESTATUS[0]}"';
    expect(shell(line, cwd).stderr).toBe('');
    expect(readdirSync(cwd).sort()).toEqual(['disk', 'x.raw']);
  });
});
