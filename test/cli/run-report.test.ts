// What a run says of itself: the plan, the report, the log, JSON for programs.

import { mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { resolve, join } from 'node:path';
import { expect, describe, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { temporaryFolder } from '../support/folder.ts';
import { kexport, shell } from '../support/kexport.ts';
import { loopDevice } from '../support/loop-device.ts';
import { describeAsRoot, run } from '../support/peers.ts';

const MIB = 2 ** 20;

function folderWithDisk(): string {
  const cwd = temporaryFolder();
  writeFileSync(join(cwd, 'disk'), withPartition(noise(MIB)));
  return cwd;
}

describe('--dry-run', () => {
  test.each([
    ['a file', 'kexport qcow2,raw disk', 'disk disk, 1.0 MiB (1048576 bytes)'],
    ['a redirected file', 'kexport qcow2,raw - < disk', 'disk -, 1.0 MiB (1048576 bytes)'],
    ['a pipe', 'cat disk | kexport qcow2,raw -', 'disk -, whose size is known at its end'],
    ['an image', 'kexport raw disk -o x.raw -q && kexport convert x.raw qcow2,raw', 'disk x.raw'],
  ])('says what would be read and written of %s, and writes nothing', (_, line, disk) => {
    const cwd = folderWithDisk();
    const { status, stderr } = shell(`${line} --dry-run --name web1 && ls web1*`, cwd);
    expect(stderr).toContain(disk);
    expect(stderr).toMatch(/^qcow2 +web1.qcow2 +\S+/m);
    expect(stderr).toMatch(/^raw +web1.raw +\S+/m);
    expect(stderr).toMatch(/ are free in \.$/m);
    expect(stderr).toContain("cannot access 'web1*'");
    expect(status).toBe(2); // of ls
  });

  test('states a size that no image exceeds', () => {
    const cwd = folderWithDisk();
    const { stdout } = kexport(['all', 'disk', '--name', 'x', '--dry-run', '--json'], { cwd });
    const { images } = JSON.parse(stdout) as { images: { file: string; maxSize: number }[] };
    kexport(['all', 'disk', '--name', 'x', '-q'], { cwd });
    expect(images).toHaveLength(5);
    for (const { file, maxSize } of images) {
      expect(statSync(join(cwd, file)).blocks * 512, file).toBeLessThanOrEqual(maxSize);
    }
  });

  test.each([
    ['qcow2 disk -o there.qcow2', 1, 'there.qcow2 exists'],
    ['raw disk -o disk --force', 1, 'disk is the disk that is exported'],
    ['raw disk -o nowhere/x.raw', 1, 'create the folder first'],
    ['raw disk -o folder', 2, 'folder is a folder'],
    ['vhd large -o x.vhd', 1, 'the format holds at most 2040.0 GiB'],
  ])('ends as the export would: %s', (words, expected, message) => {
    const cwd = folderWithDisk();
    writeFileSync(join(cwd, 'there.qcow2'), '');
    writeFileSync(join(cwd, 'large'), '');
    truncateSync(join(cwd, 'large'), 3 * 2 ** 40);
    mkdirSync(join(cwd, 'folder'));
    for (const more of [['--dry-run'], []]) {
      const { status, stderr } = kexport([...words.split(' '), ...more], { cwd });
      expect(stderr, more.join()).toContain(message);
      expect(status).toBe(expected);
    }
  });

  test('has the warnings of the export', () => {
    const { stderr } = kexport(['ova', 'disk', '--dry-run'], { cwd: folderWithDisk() });
    expect(stderr).toContain('kexport: warning: the disk has no EFI system partition');
  });
});

describe('the room for images', () => {
  test('is warned of before the export, which goes on', () => {
    const cwd = temporaryFolder();
    const line = 'truncate -s 3T disk && kexport vhd-dynamic disk --read-holes -o x.vhd';
    // The disk is too large for a vhd, which is said after the warning.
    const { stderr } = shell(line, cwd);
    expect(stderr).toContain('the images may take up to 3.0 TiB in ., where ');
  });
});

describe('the report', () => {
  test('names the next command of each image, and what was verified and summed', () => {
    const cwd = folderWithDisk();
    const args = ['qcow2,vhdx', 'disk', '--name', 'web 1.example', '--verify', '--checksums'];
    const { stderr } = kexport(args, { cwd });
    expect(stderr).toContain("qm importdisk VMID 'web 1.example.qcow2' STORAGE\n");
    expect(stderr).toContain(
      "New-VM -Name 'web 1.example' -Generation 2 -VHDPath 'web 1.example.vhdx'\n",
    );
    expect(stderr).toContain('every image was read back and compared with disk\n');
    expect(stderr).toContain('SHA256SUMS has the sums');
  });

  test.each(['--quiet', '--json'])('is not printed with %s', (option) => {
    const { stderr } = kexport(['qcow2', 'disk', '-o', 'x.qcow2', option], {
      cwd: folderWithDisk(),
    });
    expect(stderr).toBe('');
  });
});

describe('--json', () => {
  test('has the sums, sizes and paths of the images, the options and the version', () => {
    const cwd = folderWithDisk();
    const { stdout } = kexport(['qcow2,raw', 'disk', '--name', 'x', '--level', '3', '--json'], {
      cwd,
    });
    const report = JSON.parse(stdout) as {
      version: string;
      options: object;
      images: { path: string; sha256: string; fileSize: number }[];
    };
    expect(report.version).toBe('0.1.0');
    expect(report.options).toMatchObject({ level: 3, name: 'x' });
    expect(report.images.map(({ path }) => path)).toEqual([
      resolve(cwd, 'x.qcow2'),
      resolve(cwd, 'x.raw'),
    ]);
    for (const { path, sha256, fileSize } of report.images) {
      expect(run('sha256sum', path)).toContain(sha256);
      expect(statSync(path).size).toBe(fileSize);
    }
  });

  test.each([
    ['an export', ['raw', 'nowhere'], 'source', 1],
    ['a wrong option', ['raw', 'disk', '--sise', '1'], 'usage', 2],
    ['info', ['info', 'nowhere'], 'source', 1],
    ['verify', ['verify', 'nowhere'], 'source', 3],
  ])('has the error of %s that fails', (_, words, code, status) => {
    const { stdout, ...ended } = kexport([...words, '--json'], { cwd: folderWithDisk() });
    const { error } = JSON.parse(stdout) as { error: { code: string; message: string } };
    expect(error).toMatchObject({ code, message: expect.stringMatching(/./) as string });
    expect(ended.status).toBe(status);
    expect(ended.stderr).toContain(error.message);
  });
});

describe('messages', () => {
  test('do not go into the disk, if --log-file names it', () => {
    const cwd = folderWithDisk();
    const before = readFileSync(join(cwd, 'disk'));
    for (const line of [
      'kexport raw disk -o x.raw --log-file disk',
      'kexport raw - -o x.raw --log-file disk < disk',
    ]) {
      const { status, stderr } = shell(line, cwd);
      expect(stderr).toMatch(/^kexport: the log disk would be written into (disk|-)\n$/);
      expect(status).toBe(1);
    }
    expect(readFileSync(join(cwd, 'disk')).equals(before)).toBe(true);
  });

  test('go to the file of --log-file, with the time', () => {
    const cwd = folderWithDisk();
    kexport(['raw', 'disk', '-o', 'x.raw', '--log-file', 'log', '-q'], { cwd });
    kexport(['raw', 'disk', '-o', 'x.raw', '--log-file', 'log', '-q'], { cwd });
    const lines = readFileSync(join(cwd, 'log'), 'utf8').split('\n');
    expect(lines.filter((line) => line !== '').length).toBeGreaterThan(2);
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z \S/);
    expect(lines.at(-2)).toContain('kexport: x.raw exists');
  });

  test('say more with --verbose', () => {
    const { stderr } = kexport(['raw', 'disk', '-o', 'x.raw', '-v'], { cwd: folderWithDisk() });
    expect(stderr).toContain('kexport: disk disk, 1.0 MiB (1048576 bytes)');
  });

  test('--version has the version and what the machine offers', () => {
    const { stdout } = kexport(['--version']);
    expect(stdout).toMatch(/^kexport 0\.1\.0\nNode v\d+\.\S+, (no )?OpenZFS.*\nzstd (yes|no), /);
  });
});

describe('names', () => {
  test.each([
    [['qcow2', 'disk', '-o', 'x.vmdk'], 'x.vmdk is the name of a vmdk, not of a qcow2'],
    [['raw', 'disk', '-o', 'x.qcow2'], 'x.qcow2 is the name of a qcow2, not of a raw'],
    [['raw', 'disk', '-o', 'x.raw', '--zip'], '--zip makes a zip archive, and x.raw is no'],
  ])('that say another format are refused: %s', (words, message) => {
    const { status, stderr } = kexport(words, { cwd: folderWithDisk() });
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });

  test.each(['x.img', 'x', 'x.iso', 'x.dynamic.vhd'])('of no format are accepted: %s', (name) => {
    const args = ['vhd-dynamic', 'disk', '-o', name, '-q'];
    expect(kexport(args, { cwd: folderWithDisk() }).status).toBe(0);
  });

  test('of devices that are not there do not become files', () => {
    const args = ['raw', 'disk', '-o', '/dev/kexport-nowhere', '--force'];
    const { status, stderr } = kexport(args, { cwd: folderWithDisk() });
    expect(stderr).toContain('there is no device /dev/kexport-nowhere (lsblk lists');
    expect(status).toBe(1);
  });
});

describe('permissions of images', () => {
  test.each([
    [[], 0o644],
    [['--mode', '0640'], 0o640],
    [['--mode', '666'], 0o666],
  ])('of a file are those of the umask, or of --mode: %j', (options, mode) => {
    const cwd = folderWithDisk();
    shell(`umask 022; kexport raw disk -o x.raw -q ${options.join(' ')}`, cwd);
    expect(statSync(join(cwd, 'x.raw')).mode & 0o777).toBe(mode);
  });

  describeAsRoot('of a device', () => {
    test('are for the owner alone, and the report says so', () => {
      const cwd = folderWithDisk();
      const device = loopDevice(join(cwd, 'disk'));
      const { stderr } = shell(`kexport qcow2 ${device} -o x.qcow2`, cwd);
      expect(statSync(join(cwd, 'x.qcow2')).mode & 0o777).toBe(0o600);
      expect(stderr).toContain('so they are for their owner alone (--mode)\n');
    });
  });
});

describeAsRoot('devices', () => {
  test('that are mounted read-write are warned of, and named by sources', () => {
    const cwd = temporaryFolder();
    shell('truncate -s 16M fs && mkfs.ext4 -q fs && mkdir at', cwd);
    const device = loopDevice(join(cwd, 'fs'));
    run('mount', device, join(cwd, 'at'));
    try {
      const written = kexport(['raw', device, '-o', 'x.raw', '-q'], { cwd });
      expect(written.stderr).toContain(`${device} is mounted read-write at ${join(cwd, 'at')}: `);
      run('mount', '-o', 'remount,ro', join(cwd, 'at'));
      const still = kexport(['raw', device, '-o', 'y.raw', '-q'], { cwd });
      expect(still.stderr).not.toContain('is mounted');
    } finally {
      run('umount', join(cwd, 'at'));
    }
  });

  test('that are larger than the disk keep what follows it, and are compared as far as it goes', () => {
    const cwd = folderWithDisk();
    writeFileSync(join(cwd, 'target'), noise(2 * MIB, 7));
    const device = loopDevice(join(cwd, 'target'));
    const { status, stderr } = kexport(['raw', 'disk', '-o', device, '--force', '-q'], { cwd });
    expect(stderr).toContain(`${device} is ${MIB} bytes larger than the disk`);
    expect(stderr).toContain(`sgdisk --move-second-header ${device}`);
    expect(status).toBe(0);
    const verified = kexport(['verify', device, '--against', 'disk'], { cwd });
    expect(verified.stdout).toContain(`the ${MIB} bytes after it on ${device} were not compared`);
    expect(verified.status).toBe(0);
    truncateSync(join(cwd, 'disk'), MIB / 2);
    writeFileSync(join(cwd, 'disk'), noise(MIB / 2));
    expect(kexport(['verify', device, '--against', 'disk'], { cwd }).status).toBe(1);
  });
});

test('an export without a disk says what the root is', () => {
  const { status, stderr } = kexport(['ALL'], { cwd: temporaryFolder() });
  expect(stderr).toMatch(/no disk to export as ALL is given, and \/ is \w+/);
  expect(status).toBe(2);
});
