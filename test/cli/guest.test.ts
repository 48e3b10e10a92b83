// The guest of a machine is the one that its boot loader starts, where that is sure.

import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { kexport, kexportOk } from '../support/kexport.ts';
import { describeWith, run } from '../support/peers.ts';
import { BOOT_DISK } from '../support/project.ts';

const MIB = 2 ** 20;

describeWith(['mmd'], 'the guest of an OVA', () => {
  test.each([
    [['ubuntu'], [], 'ubuntu64Guest'],
    [['debian'], [], 'debian10_64Guest'],
    [['Microsoft'], [], 'windows9_64Guest'],
    [['almalinux', 'tools'], [], 'other4xLinux64Guest'],
    [['ubuntu', 'Microsoft'], [], 'otherLinux64Guest'],
    [[], [], 'otherLinux64Guest'],
    [['ubuntu'], ['--hw-version', '10'], 'otherLinux64Guest'],
    [['ubuntu'], ['--os-type', 'debian10_64Guest'], 'debian10_64Guest'],
  ])('of a disk with %j in EFI and the options %j is %s', (folders, options, guest) => {
    const cwd = temporaryFolder();
    const disk = join(cwd, 'disk.raw');
    copyFileSync(BOOT_DISK, disk);
    for (const name of folders) run('mmd', '-i', `${disk}@@${MIB}`, `::EFI/${name}`);
    kexportOk(cwd, 'ova', 'disk.raw', '-o', 'x.ova', ...options);
    const { stdout } = kexport(['info', 'x.ova', '--json'], { cwd });
    expect(stdout).toContain(`"ostype": "${guest}"`);
  });
});
