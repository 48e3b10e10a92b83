// What the machine around a command does to it.

import { execFileSync } from 'node:child_process';
import { copyFileSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { shell, startKexport } from '../support/kexport.ts';
import { bundled } from '../support/built.ts';
import { BOOT_DISK } from '../support/project.ts';
import { until } from '../support/until.ts';

test('without a descriptor for a program of its own, an export ends nobody else', () => {
  const cwd = temporaryFolder();
  copyFileSync(BOOT_DISK, join(cwd, 'disk'));
  const command = `"${process.execPath}" "${bundled('kexport.cjs')}" raw disk -q --force -o x.raw`;
  // In a group of its own: what was killed was the group.
  const lines = [20, 21, 22, 23, 24].map((most) => `(ulimit -n ${most}; ${command}); echo on`);
  const { stdout } = shell(`setsid -w bash -c '${lines.join('\n')}'`, cwd);
  expect(stdout).toBe('on\n'.repeat(lines.length));
});

describe('SIGUSR1', () => {
  test.each([[[]], [['-q']]])('asks how far an export is: %j', async (more) => {
    const cwd = temporaryFolder();
    const args = ['raw', '-', '-o', 'x.raw', ...more];
    const { child, ended } = startKexport(args, cwd);
    child.stdin.write(readFileSync(BOOT_DISK)); // and no end
    let said = '';
    child.stderr.on('data', (piece: string) => (said += piece));
    await until(() => execFileSync('ls', [cwd], { encoding: 'utf8' }).includes('x.raw.partial'));
    const again = setInterval(() => {
      child.kill('SIGUSR1');
      child.stdin.write(Buffer.alloc(2 ** 20));
    }, 50);
    await until(() => said !== '');
    clearInterval(again);
    child.kill('SIGINT');
    const { status, stderr } = await ended;
    expect(stderr).toMatch(/^writing .*B/);
    expect(stderr).not.toContain('Debugger');
    expect(status).toBe(130);
  });
});

test('--force in the place of a link that leads nowhere makes an image by the umask', () => {
  const cwd = temporaryFolder();
  copyFileSync(BOOT_DISK, join(cwd, 'disk'));
  symlinkSync('nowhere', join(cwd, 'link.raw'));
  const line = 'umask 077; kexport raw disk -o link.raw --force -q; stat -c %a link.raw';
  expect(shell(line, cwd).stdout).toBe('600\n');
});
