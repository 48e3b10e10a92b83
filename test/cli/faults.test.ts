// What a user is left with when an export cannot go on.

import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
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

function mounted(type: string, options: string): string {
  const folder = temporaryFolder();
  run('mount', '-t', type, '-o', options, type, folder);
  onTestFinished(() => {
    run('umount', folder);
  });
  return folder;
}

describeAsRoot('a target with too little room', () => {
  const disk = withPartition(noise(4 * MIB));

  function exported(options: string, ...args: string[]) {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'disk'), disk);
    const target = mounted('tmpfs', options);
    const outcome = kexport(['raw,qcow2', 'disk', '--output-dir', target, '--name', 'x', ...args], {
      cwd,
    });
    return { ...outcome, left: readdirSync(target).sort() };
  }

  test('for the last bytes leaves no file', () => {
    const { status, stderr, left } = exported(`size=${2 * disk.length + 4096}`);
    expect(stderr).toMatch(/^kexport: cannot write .*: no space left on device \(ENOSPC\) .*\n$/);
    expect({ status, left }).toEqual({ status: 1, left: [] });
  });

  test('for another name still has the images renamed', () => {
    // A link counts as a file in tmpfs: the folder and the two partial images are three.
    const { status, stderr, left } = exported('size=16m,nr_inodes=3', '-q');
    expect({ status, stderr, left }).toEqual({ status: 0, stderr: '', left: ['x.qcow2', 'x.raw'] });
  });

  test('for a second image leaves none', () => {
    const { status, left } = exported('size=16m,nr_inodes=2');
    expect({ status, left }).toEqual({ status: 1, left: [] });
  });

  test('that is read-only is told of before the disk is read', () => {
    const { status, stderr, left } = exported('size=16m,ro');
    expect(stderr).toMatch(/read-only file system \(EROFS\)/);
    expect({ status, left }).toEqual({ status: 1, left: [] });
  });

  test('to spool in fails, and leaves nothing there', () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'disk'), disk);
    const TMPDIR = mounted('tmpfs', 'size=1m');
    const args = ['qcow2', 'disk', '-o', '/dev/stdout', '--force'];
    const { status, stderr } = kexport(args, { cwd, env: { TMPDIR } });
    expect(stderr).toMatch(/^kexport: cannot spool the image .*ENOSPC.*\n$/);
    expect({ status, left: readdirSync(TMPDIR) }).toEqual({ status: 1, left: [] });
  });
});

describe('SIGKILL in mid-export', () => {
  test('leaves the partial image alone, of which the next run tells', async () => {
    const cwd = temporaryFolder();
    const { child, ended } = startKexport(['raw', '-', '--name', 'x'], cwd);
    child.stdin.write(noise(4 * MIB));
    await until(() => readdirSync(cwd).length > 0);
    child.kill('SIGKILL');
    await ended;
    expect(readdirSync(cwd)).toEqual(['x.raw.partial']);
    writeFileSync(join(cwd, 'disk'), withPartition(noise(MIB)));
    const next = kexport(['raw', 'disk', '--name', 'x'], { cwd });
    expect(next.status).toBe(1);
    expect(next.stderr).toBe(
      'kexport: x.raw.partial exists: another export is writing it, or a killed one left it ' +
        '(remove it, or use --force to replace it)\n',
    );
    expect(kexport(['raw', 'disk', '--name', 'x', '--force', '-q'], { cwd }).status).toBe(0);
    expect(readdirSync(cwd).sort()).toEqual(['disk', 'x.raw']);
  });
});

describe('two exports to one name', () => {
  async function first(cwd: string) {
    const started = startKexport(['raw', '-', '--name', 'x', '-q'], cwd);
    const disk = withPartition(noise(MIB));
    started.child.stdin.write(disk);
    await until(() => readdirSync(cwd).includes('x.raw.partial'));
    return { ...started, disk };
  }

  test('make one image: the second fails at once, the first goes on', async () => {
    const cwd = temporaryFolder();
    const { child, ended, disk } = await first(cwd);
    const second = kexport(['raw', '-', '--name', 'x', '--size', '1M'], { cwd });
    expect(second.stderr).toContain('x.raw.partial exists');
    child.stdin.end();
    expect((await ended).status).toBe(0);
    expect(readFileSync(join(cwd, 'x.raw')).equals(disk)).toBe(true);
  });

  test('fail the one whose name was taken in the meantime, and leave what took it', async () => {
    const cwd = temporaryFolder();
    const { child, ended } = await first(cwd);
    writeFileSync(join(cwd, 'x.raw'), 'of someone else');
    child.stdin.end();
    const { status, stderr } = await ended;
    expect(stderr).toBe('kexport: x.raw exists (use --force to replace it)\n');
    expect({ status, left: readdirSync(cwd) }).toEqual({ status: 1, left: ['x.raw'] });
    expect(readFileSync(join(cwd, 'x.raw'), 'utf8')).toBe('of someone else');
  });
});
