// An OVF that is not in an archive, with its disk beside it.

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { kexport, kexportOk } from '../support/kexport.ts';
import { runIn } from '../support/peers.ts';
import { BOOT_DISK } from '../support/project.ts';

/** A folder with web1.ovf and web1-disk.vmdk. */
function unpacked(): string {
  const cwd = temporaryFolder();
  kexportOk(cwd, 'ova', BOOT_DISK, '--name', 'web1');
  runIn(cwd, 'tar', '-xf', 'web1.ova');
  return cwd;
}

/** The folder with another text in the OVF. */
function changed(from: string | RegExp, to: string): string {
  const cwd = unpacked();
  const path = join(cwd, 'web1.ovf');
  writeFileSync(path, readFileSync(path, 'utf8').replace(from, to));
  return cwd;
}

describe('an OVF with its disk beside it', () => {
  test('is read as that disk', () => {
    const cwd = unpacked();
    kexportOk(cwd, 'convert', 'web1.ovf', 'raw', '--allow-backing', '-o', 'web1.raw');
    runIn(cwd, 'cmp', 'web1.raw', BOOT_DISK);
    kexportOk(cwd, 'verify', 'web1.ovf', '--allow-backing', '--against', BOOT_DISK);
  });

  test('may be of any length, and its root may come late', () => {
    const comment = `<!-- ${'a licence '.repeat(60)} -->\n<Envelope`;
    const cwd = changed('<Envelope', comment);
    const path = join(cwd, 'web1.ovf');
    appendFileSync(path, '\n'.repeat(512 - (readFileSync(path).length % 512)));
    kexportOk(cwd, 'verify', 'web1.ovf', '--allow-backing', '--against', BOOT_DISK);
  });

  test('opens no other file without --allow-backing, but says what it needs', () => {
    const cwd = unpacked();
    const { stderr, status } = kexport(['convert', 'web1.ovf', 'raw', '-o', 'x'], { cwd });
    expect([status, stderr]).toEqual([1, expect.stringContaining('--allow-backing opens it')]);
    const info = kexport(['info', 'web1.ovf'], { cwd });
    expect(info.stdout).toContain('web1-disk.vmdk');
    expect(info.stdout).toContain('8388608 bytes');
  });

  test('that lies about the size of the file is not sound', () => {
    const cwd = changed(/ovf:size="\d+"/, 'ovf:size="1"');
    const { stdout, stderr, status } = kexport(['verify', 'web1.ovf', '--allow-backing'], { cwd });
    expect(stdout + stderr).toContain('the OVF says 1');
    expect(status).toBe(1);
  });

  test('in chunks is refused, though no file has its name', () => {
    const cwd = changed('ovf:href="web1-disk.vmdk"', 'ovf:href="web1.vmdk" ovf:chunkSize="9"');
    const { stderr } = kexport(['verify', 'web1.ovf', '--allow-backing'], { cwd });
    expect(stderr).toContain('the disk vmdisk1 in web1.vmdk is in chunks of 9 bytes');
  });

  test('cannot name a file elsewhere', () => {
    const cwd = changed('ovf:href="web1-disk.vmdk"', 'ovf:href="../web1-disk.vmdk"');
    const { stderr } = kexport(['convert', 'web1.ovf', 'raw', '--allow-backing', '-o', 'x'], {
      cwd,
    });
    expect(stderr).toContain('not a file in its folder');
  });
});
