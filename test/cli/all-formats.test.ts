// One run that makes several formats.

import { copyFileSync, readdirSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noise, text } from '../support/disks.ts';
import { folderWith, temporaryFolder } from '../support/folder.ts';
import { kexport, kexportOk, shell } from '../support/kexport.ts';
import { compareAll, compareImage, describeWith, runIn } from '../support/peers.ts';
import { BOOT_DISK } from '../support/project.ts';
import { report } from '../support/report.ts';

const MIB = 2 ** 20;

describeWith(['qemu-img', 'tar'], 'kexport all', () => {
  test('makes five images of the same disk', () => {
    const cwd = temporaryFolder();
    copyFileSync(BOOT_DISK, join(cwd, 'disk'));
    expect(kexport(['all', 'disk', '--name', 'x'], { cwd }).status).toBe(0);
    expect(readdirSync(cwd).sort()).toEqual([
      'disk',
      'x.ova',
      'x.qcow2',
      'x.raw',
      'x.vhd',
      'x.vmdk',
    ]);
    compareAll(cwd, BOOT_DISK);
  });

  test('makes the same five of a pipe, spooled for the ova', () => {
    const cwd = temporaryFolder();
    const line = `cat ${BOOT_DISK} | kexport all - --name x`;
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
    compareAll(cwd, BOOT_DISK);
  });

  test.each(['vmdk', 'ova', 'vma', 'vhd', 'vhd-dynamic', 'vhdx', 'vdi'] as const)(
    'writes any image to a pipe: %s',
    (format) => {
      const cwd = temporaryFolder();
      const known = shell(`kexport ${format} ${BOOT_DISK} -o - > known`, cwd);
      const unknown = shell(`cat ${BOOT_DISK} | kexport ${format} - -o - > unknown`, cwd);
      expect([known.status, unknown.status]).toEqual([0, 0]);
      compareImage(format, join(cwd, 'known'), BOOT_DISK);
      compareImage(format, join(cwd, 'unknown'), BOOT_DISK);
    },
  );

  test('makes the same files with 1, 2 and 7 threads', () => {
    const disk = Buffer.concat([text(5 * MIB), Buffer.alloc(MIB), noise(2 * MIB)]);
    const digests = [1, 2, 7].map((threads) => {
      const cwd = folderWith({ disk });
      const formats = 'qcow2,raw'; // the others carry the time and a new uuid
      kexportOk(cwd, formats, 'disk', '--name', 'x', '--threads', String(threads));
      return runIn(cwd, 'sha256sum', 'x.qcow2', 'x.raw');
    });
    expect(new Set(digests).size).toBe(1);
  });
});

describe('the deflate window', () => {
  test.each([
    ['qcow2', [], 12],
    ['vmdk', [], 15],
    ['ova', [], 15],
    ['qcow2,vmdk', [], 12],
    ['qcow2,vmdk', ['--optimize', 'size'], 15],
    ['vmdk', ['--optimize', 'speed'], 12],
  ])('of %s %s is 2^%d for all formats', (formats, options, bits) => {
    const cwd = folderWith({ disk: text(MIB) });
    const { images } = report([formats, 'disk', '--name', 'x', ...options], cwd);
    for (const { compression } of images) expect(compression?.windowBits).toBe(bits);
  });
});

describeWith(['qemu-img'], 'a qcow2 with a window of 32 KiB', () => {
  test('is read by QEMU', () => {
    const cwd = temporaryFolder();
    const args = ['qcow2', BOOT_DISK, '-o', 'x.qcow2', '--optimize', 'size'];
    expect(kexport(args, { cwd }).status).toBe(0);
    compareImage('qcow2', join(cwd, 'x.qcow2'), BOOT_DISK);
  });
});

describe('a disk that does not boot', () => {
  test('is exported with one warning', () => {
    const cwd = folderWith({ disk: text(MIB) });
    const { warnings, images } = report(['all', 'disk', '--name', 'x'], cwd);
    expect(warnings).toMatchObject([{ code: 'import' }]);
    expect(warnings[0]?.message).toContain('the disk has no partition table');
    expect(images).toHaveLength(5);
  });

  test('gets no warning once it boots', () => {
    expect(report(['all', BOOT_DISK, '--name', 'x'], temporaryFolder()).warnings).toEqual([]);
  });
});

describe('an image that cannot be made', () => {
  const name = 'n'.repeat(120); // longer than the name of a member may be

  test('fails the run, which leaves nothing', () => {
    const cwd = folderWith({ disk: text(MIB) });
    const { status, stderr } = kexport(['qcow2,ova', 'disk', '--name', name], { cwd });
    expect(status).toBe(1);
    expect(stderr).toMatch(/\nkexport: ova: the name .* at most \d+\n$/);
    expect(readdirSync(cwd)).toEqual(['disk']);
  });

  test('fails alone with --keep-going, and the status says so', () => {
    const cwd = folderWith({ disk: text(MIB) });
    const { images, failures } = report(
      ['qcow2,ova', 'disk', '--name', name, '--keep-going'],
      cwd,
      1,
    );
    expect(images.map(({ format }) => format)).toEqual(['qcow2']);
    expect(failures).toMatchObject([{ format: 'ova' }]);
    expect(readdirSync(cwd).sort()).toEqual(['disk', `${name}.qcow2`]);
  });

  test('is refused before the disk is read if the disk is too large', () => {
    const cwd = folderWith({ disk: '' });
    truncateSync(join(cwd, 'disk'), 3 * 2 ** 40);
    const { status, stderr } = kexport(['qcow2,raw,vhd', 'disk', '--name', 'x'], { cwd });
    expect(status).toBe(1);
    expect(stderr).toContain(
      'kexport: vhd: the disk has 3072.0 GiB (3298534883328 bytes), the format holds at most 2040.0 GiB (2190433320960 bytes) (the others can hold it: qcow2,raw)\n',
    );
    expect(readdirSync(cwd)).toEqual(['disk']);
  });
});
