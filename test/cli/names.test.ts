// What an image says of its own name.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { noise, withPartition } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { kexport, kexportOk } from '../support/kexport.ts';
import { compareByLibyal, compareWithRaw, describeWith, runIn } from '../support/peers.ts';

const disk = withPartition(noise(2 ** 20));

describeWith(['qemu-img', 'python3:pyvmdk'], 'a VMDK names itself', () => {
  test.each(['web1.example.com.vmdk', 'Web 1.vmdk', 'ü.vmdk', 'web1', 'WEB1.VMDK', 'web1.raw'])(
    'so that libvmdk finds it: %s',
    (file) => {
      const cwd = folderWith({ disk });
      kexportOk(cwd, 'vmdk', 'disk', '-o', file);
      compareByLibyal('pyvmdk', join(cwd, file), join(cwd, 'disk'));
      compareWithRaw('vmdk', join(cwd, file), join(cwd, 'disk'));
    },
  );

  test('also with --name', () => {
    const cwd = folderWith({ disk });
    kexportOk(cwd, 'vmdk', 'disk', '--name', 'Web 1.example');
    compareByLibyal('pyvmdk', join(cwd, 'Web 1.example.vmdk'), join(cwd, 'disk'));
  });

  test('unless it has a name that no descriptor can hold', () => {
    const cwd = folderWith({ disk });
    const { status, stderr } = kexport(['vmdk', 'disk', '-o', 'a"b.vmdk', '-q'], { cwd });
    expect(stderr).toBe('kexport: vmdk: a descriptor cannot hold the name "a\\"b.vmdk"\n');
    expect(status).toBe(1);
    expect(readdirSync(cwd)).toEqual(['disk']);
  });
});

describeWith(['tar'], 'an OVA', () => {
  test('has members and a machine of its name with the dots', () => {
    const cwd = folderWith({ disk });
    kexportOk(cwd, 'ova', 'disk', '-o', 'web1.example.com.ova');
    expect(runIn(cwd, 'tar', '-tf', 'web1.example.com.ova').split('\n')).toEqual([
      'web1.example.com.ovf',
      'web1.example.com.mf',
      'web1.example.com-disk.vmdk',
      '',
    ]);
    const ovf = runIn(cwd, 'tar', '-xOf', 'web1.example.com.ova', 'web1.example.com.ovf');
    expect(ovf).toContain('<Name>web1.example.com</Name>');
    runIn(cwd, 'tar', '-xf', 'web1.example.com.ova');
    compareByLibyal('pyvmdk', join(cwd, 'web1.example.com-disk.vmdk'), join(cwd, 'disk'));
  });
});
