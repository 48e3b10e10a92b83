import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { text } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { run } from '../support/peers.ts';
import { BOOT_DISK } from '../support/project.ts';
import { report } from '../support/report.ts';

const MIB = 2 ** 20;

describe('the machine of an ova', () => {
  test('has what the options say', () => {
    const cwd = folderWith({ disk: text(MIB) });
    const options = [
      '--cpus',
      '2',
      '--memory',
      '8G',
      '--firmware',
      'bios',
      '--vm-name',
      'Web & <1>',
    ];
    report(['ova', 'disk', '-o', 'x.ova', ...options, '--manifest', 'sha1'], cwd);
    const ovf = run('tar', '-xOf', join(cwd, 'x.ova'), 'x.ovf');
    expect(ovf).toContain('<rasd:VirtualQuantity>8192</rasd:VirtualQuantity>');
    expect(ovf).toContain('<rasd:VirtualQuantity>2</rasd:VirtualQuantity>');
    expect(ovf).toContain('Web &amp; &lt;1&gt;');
    expect(ovf).not.toContain('vmw:value="efi"');
    expect(run('tar', '-xOf', join(cwd, 'x.ova'), 'x.mf')).toMatch(
      /^SHA1\(x\.ovf\)= [0-9a-f]{40}\n/,
    );
  });

  test.each([
    [['--memory', '1001'], 'ova: memory is 1001, it must be a multiple of 4'],
    [['--nic', 'ne2000'], '--nic: "ne2000" is not E1000, E1000e, VmxNet3 or none'],
  ])('is refused if no importer accepts it: %s', (options, message) => {
    const { status, stderr } = kexport(['ova', BOOT_DISK, ...options]);
    expect(stderr).toContain(message);
    expect(status).toBe(2);
  });
});
