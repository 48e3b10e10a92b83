// Rows of the table "When something goes wrong" in docs/internals.md, each a describe of that name:
// what hangs, and what nobody foresaw.

import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  constants,
  mkdirSync,
  openSync,
  readdirSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noise, withPartition } from '../../support/disks.ts';
import { folderWith, temporaryFolder } from '../../support/folder.ts';
import { kexportOk, startKexport } from '../../support/kexport.ts';
import { BOOT_DISK } from '../../support/project.ts';
import { until } from '../../support/until.ts';

/** A module that Node loads before the program: what it does, a test can do at any moment. */
function preload(code: string): Record<string, string> {
  const folder = folderWith({ 'preload.cjs': code });
  return { NODE_OPTIONS: `--require ${join(folder, 'preload.cjs')}` };
}

/** A folder for PATH that has a program which never ends, and says that it runs. */
function hanging(name: string): { path: string; hasStarted: () => boolean } {
  const path = temporaryFolder();
  const script = `#!/bin/sh\ntouch ${path}/started\nsleep 1000\n`;
  writeFileSync(join(path, name), script);
  chmodSync(join(path, name), 0o755);
  return { path, hasStarted: () => readdirSync(path).includes('started') };
}

/** Undefined as long as nobody has the pipe open for reading. */
function openForWriting(pipe: string): number | undefined {
  try {
    return openSync(pipe, constants.O_WRONLY | constants.O_NONBLOCK);
  } catch {
    return undefined;
  }
}

describe('a signal while a program or a read hangs', () => {
  test.each([
    ['perl', ['raw', 'disk', '-o', 'x.raw']],
    ['zfs', ['raw', 'pool/volume', '-o', 'x.raw']],
  ])('ends the export: %s', async (name, words) => {
    const cwd = folderWith({ disk: withPartition(noise(2 ** 20)) });
    truncateSync(join(cwd, 'disk'), 2 ** 30); // it has a hole to look for
    const { path, hasStarted } = hanging(name);
    const env = { PATH: `${path}:${process.env['PATH'] ?? ''}` };
    const { child, ended } = startKexport(words, cwd, env);
    await until(hasStarted);
    child.kill('SIGINT');
    expect(await ended).toMatchObject({ status: 130, stderr: 'kexport: interrupted\n' });
    expect(readdirSync(cwd)).toEqual(['disk']);
  });

  test('ends a comparison with a pipe to which nobody writes', async () => {
    const cwd = folderWith({});
    execFileSync('mkfifo', [join(cwd, 'pipe')]);
    const { child, ended } = startKexport(['verify', BOOT_DISK, '--against', 'pipe', '-q'], cwd);
    let writer: number | undefined; // kept open: otherwise the pipe would end
    await until(() => {
      writer = openForWriting(join(cwd, 'pipe'));
      return writer !== undefined;
    });
    child.kill('SIGINT');
    expect((await ended).status).toBe(130);
    if (writer !== undefined) closeSync(writer);
  });

  test('ends the program though a thread never returns', async () => {
    const cwd = folderWith({});
    execFileSync('mkfifo', [join(cwd, 'pipe')]);
    const env = preload(`require('node:fs').open(${JSON.stringify(join(cwd, 'pipe'))}, () => {});`);
    const { child, ended } = startKexport(['raw', '-', '-o', 'x.raw'], cwd, env);
    child.stdin.write(noise(2 ** 20));
    await until(() => readdirSync(cwd).length > 1);
    child.kill('SIGTERM');
    expect(await ended).toMatchObject({ status: 143, stderr: 'kexport: interrupted\n' });
    expect(readdirSync(cwd)).toEqual(['pipe']);
  });

  test.each(['info', 'verify'])('ends the %s of an image with many tables', async (command) => {
    const cwd = folderWith({ disk: Buffer.alloc(0) });
    truncateSync(join(cwd, 'disk'), 2 ** 40);
    kexportOk(cwd, 'vhdx', 'disk', '-o', 'x.vhdx');
    const env = preload(`
      const on = process.on;
      process.on = function (name, ...rest) {
        const found = on.call(this, name, ...rest);
        if (name === 'SIGHUP') process.kill(process.pid, 'SIGTERM');
        return found;
      };`);
    const { ended } = startKexport([command, 'x.vhdx'], cwd, env);
    expect(await ended).toMatchObject({ status: 143, stderr: 'kexport: interrupted\n' });
  });
});

describe('a bug in kexport', () => {
  test.each([
    ['an exception', "throw new Error('of a test')"],
    ['a rejection', "Promise.reject(new Error('of a test'))"],
  ])('is called one, and leaves nothing: %s', async (_, fault) => {
    const cwd = temporaryFolder();
    mkdirSync(join(cwd, 'images'));
    const env = preload(`process.on('SIGUSR2', () => { ${fault} });`);
    const { child, ended } = startKexport(['all', '-', '--output-dir', 'images'], cwd, env);
    child.stdin.write(noise(4 * 2 ** 20));
    await until(() => child.stdin.writableLength === 0); // every image is open by then
    child.kill('SIGUSR2');
    const { status, stderr } = await ended;
    expect(stderr).toContain('kexport: this is a bug in kexport, please report it');
    expect(stderr).toContain('Error: of a test');
    expect(status).toBe(70);
    expect(readdirSync(join(cwd, 'images'))).toEqual([]);
  });
});
