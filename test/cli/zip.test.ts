import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { noise, text } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { describeWith, run, runForBytes } from '../support/peers.ts';
import { BOOT_DISK } from '../support/project.ts';
import { report } from '../support/report.ts';

const MIB = 2 ** 20;

describeWith(['7zz'], '--zip', () => {
  test('puts raw and vhd into archives, and not the others', () => {
    const disk = Buffer.concat([text(MIB), Buffer.alloc(3 * MIB), noise(MIB)]);
    const cwd = folderWith({ disk });
    report(['all', 'disk', '--name', 'x', '--zip'], cwd);
    expect(readdirSync(cwd).sort()).toEqual([
      'disk',
      'x.ova',
      'x.qcow2',
      'x.raw.zip',
      'x.vhd.zip',
      'x.vmdk',
    ]);
    expect(runForBytes('7zz', 'x', '-so', join(cwd, 'x.raw.zip'), 'x.raw').equals(disk)).toBe(true);
    const vhd = runForBytes('7zz', 'x', '-so', join(cwd, 'x.vhd.zip'), 'x.vhd');
    expect(vhd.subarray(0, disk.length).equals(disk)).toBe(true);
    expect(vhd.subarray(-512, -504).toString()).toBe('conectix');
    expect(run('7zz', 'l', '-slt', join(cwd, 'x.raw.zip'))).toContain('Characteristics = Zip64');
  });

  test('names the image in the archive after the archive', () => {
    const cwd = folderWith({ disk: text(MIB) });
    report(['raw', 'disk', '-o', 'y.raw.zip', '--zip'], cwd);
    expect(run('7zz', 'l', join(cwd, 'y.raw.zip'))).toMatch(/ y\.raw\n/);
  });

  test('is refused where no image is raw or vhd', () => {
    expect(kexport(['qcow2', BOOT_DISK, '--zip'])).toMatchObject({ status: 2 });
  });
});
