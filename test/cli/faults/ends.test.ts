// Rows of the table "When something goes wrong" in docs/internals.md, each a describe of that name:
// an export that is ended.

import { spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { built } from '../../support/built.ts';
import { noise, withPartition } from '../../support/disks.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { kexport, shell, startKexport } from '../../support/kexport.ts';
import { until } from '../../support/until.ts';

const MIB = 2 ** 20;

describe('the reader of the image (`-o -`) stops', () => {
  test('the export ends without a word', () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'disk'), withPartition(noise(8 * MIB)));
    const line = 'kexport raw disk -o - | head -c 100 > x; echo "${PIPESTATUS[0]}"';
    expect(shell(line, cwd)).toEqual({ status: 0, stdout: '1\n', stderr: '' });
  });
});

describe('Ctrl-C, SIGTERM, SIGHUP', () => {
  describe.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const)('%s in mid-export', (signal, expected) => {
    test.each(['qcow2', 'raw', 'qcow2,raw'])('leaves no file: %s', async (formats) => {
      const cwd = temporaryFolder();
      const { child, ended } = startKexport([formats, '-', '--name', 'x'], cwd);
      child.stdin.write(noise(4 * MIB));
      await until(() => readdirSync(cwd).length > 0);
      child.kill(signal);
      const { status, stderr } = await ended;
      expect(stderr).toBe('kexport: interrupted\n');
      expect(status).toBe(expected);
      expect(readdirSync(cwd)).toEqual([]);
    });
  });

  test('end an export whose output nobody reads', async () => {
    const cwd = temporaryFolder();
    const { child, ended } = startKexport(['raw', '-', '-o', '-'], cwd);
    child.stdin.write(noise(4 * MIB));

    await new Promise((resolve) => child.stdout.once('readable', resolve));
    child.kill('SIGINT');
    child.stdout.resume(); // only for the process's end to be seen
    expect(await ended).toMatchObject({ status: 130, stderr: 'kexport: interrupted\n' });
  });

  test('end the program at once when they come twice, and it says what is left', async () => {
    const cwd = temporaryFolder();
    const { child, ended } = startKexport(['qcow2', '-', '-o', "a b's.qcow2"], cwd);
    child.stdin.write(noise(4 * MIB));
    await until(() => readdirSync(cwd).length > 0);
    // Stopped, it gets both when it goes on.
    child.kill('SIGSTOP');
    child.kill('SIGINT');
    child.kill('SIGTERM');
    child.kill('SIGCONT');
    const { status, stderr } = await ended;
    expect([130, 143]).toContain(status);
    expect(stderr).toBe(
      `kexport: stopped at once; left behind:\n  a b's.qcow2.partial: rm 'a b'\\''s.qcow2.partial'\n`,
    );
  });
});

describe('a signal when all images have their names', () => {
  const program = (rest: string) => `
    const { ignoreFirstSignal } = await import(${JSON.stringify(built('src/cli/command-line/signals.ts'))});
    ignoreFirstSignal();
    process.kill(process.pid, 'SIGTERM');
    ${rest}
  `;

  test.each([
    ['changes nothing', 'await new Promise((done) => setTimeout(done, 50));', [0, null]],
    ['ends what goes on for long', 'setInterval(() => 0, 50);', [null, 'SIGTERM']],
    [
      'ends it at once when it comes again',
      "setTimeout(() => process.kill(process.pid, 'SIGINT'), 50); setInterval(() => 0, 50);",
      [null, 'SIGINT'],
    ],
  ])('%s', (_, rest, expected) => {
    const args = ['--input-type=module', '--eval', program(rest)];
    const { status, signal, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(stderr).toBe('');
    expect([status, signal]).toEqual(expected);
  });
});

describe('SIGKILL, a power cut', () => {
  test('leave only the partial image, which the next run reports', async () => {
    const cwd = temporaryFolder();
    const { child, ended } = startKexport(['raw', '-', '--name', 'x'], cwd);
    child.stdin.write(noise(4 * MIB));
    await until(() => readdirSync(cwd).length > 0);
    child.kill('SIGKILL');
    await ended;
    expect(readdirSync(cwd)).toEqual(['x.raw.partial']);
    writeFileSync(join(cwd, 'disk'), withPartition(noise(MIB)));
    const next = kexport(['raw', 'disk', '--name', 'x'], { cwd });
    expect(next.status).toBe(1);
    expect(next.stderr).toBe(
      'kexport: x.raw.partial exists: another export is writing it, or a killed one left it ' +
        '(remove it, or use --force to replace it)\n',
    );
    expect(kexport(['raw', 'disk', '--name', 'x', '--force', '-q'], { cwd }).status).toBe(0);
    expect(readdirSync(cwd).sort()).toEqual(['disk', 'x.raw']);
  });
});
