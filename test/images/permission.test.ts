// What SECURITY.md promises of an image: nothing but it is opened. Node's permission model ends the
// program at the first other file, program or thread.

import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type FormatName, FORMATS } from '../../formats/index.ts';
import { bundled } from '../support/built.ts';
import { folderWith } from '../support/folder.ts';
import { kexportOk } from '../support/kexport.ts';
import { PERMISSION } from '../support/permission.ts';
import { BOOT_DISK, TOP } from '../support/project.ts';

/** Runs a command that may read an image, and the program itself, and nothing else. */
function confined(cwd: string, words: readonly string[], image: string) {
  // The program looks its own folder up, and what lies beside an image is in the folder of it.
  const allowed = [join(TOP, 'dist'), join(cwd, image)].map((path) => `--allow-fs-read=${path}`);
  const args = [PERMISSION, ...allowed, '--no-warnings', bundled('kexport.cjs'), ...words];
  return spawnSync(process.execPath, args, { cwd, encoding: 'utf8' });
}

describe('with the permission to read one file', () => {
  // Compressed disks and archives of others are streams, of which nothing names a file.
  const names = (Object.keys(FORMATS) as FormatName[]).filter(
    (name) => /^(qcow2|raw|v|ova)/.test(name) && !name.includes('.'),
  );

  test('info of an image of every format reads it', () => {
    const cwd = folderWith({});
    for (const name of names) {
      kexportOk(cwd, name, BOOT_DISK, '--name', name);
      const image = readdirSync(cwd).find((file) => file.startsWith(`${name}.`)) ?? '';
      const { stdout, stderr, status } = confined(cwd, ['info', image], image);
      expect(stderr).toBe('');
      expect(stdout).toContain('virtual size');
      expect(status).toBe(0);
    }
  });

  test('an overlay leads to no other file', () => {
    const cwd = folderWith({});
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', 'base.qcow2', '1M'], { cwd });
    const create = ['create', '-q', '-f', 'qcow2', '-b', 'base.qcow2', '-F', 'qcow2', 'x.qcow2'];
    execFileSync('qemu-img', create, { cwd });
    const { stdout, status } = confined(cwd, ['info', 'x.qcow2'], 'x.qcow2');
    expect(stdout).toContain('base.qcow2 was not opened');
    expect(status).toBe(0);
    const refused = confined(cwd, ['info', 'x.qcow2', '--allow-backing'], 'x.qcow2');
    expect(refused.stderr).toContain('Access to this API has been restricted');
    expect(refused.status).toBe(1);
  });
});
