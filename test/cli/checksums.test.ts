import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noise, text } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { kexport, shell, startKexport } from '../support/kexport.ts';
import { runIn } from '../support/peers.ts';
import { report } from '../support/report.ts';

const MIB = 2 ** 20;

describe('--checksums', () => {
  test.each(['all', 'qcow2', 'vmdk', 'vhd-dynamic'])(
    'writes what sha256sum -c accepts: %s',
    (formats) => {
      const cwd = folderWith({
        disk: Buffer.concat([text(MIB), Buffer.alloc(3 * MIB), noise(MIB)]),
      });
      report([formats, 'disk', '--name', 'x', '--checksums'], cwd);
      const count = formats === 'all' ? 5 : 1;
      const checked = runIn(cwd, 'sha256sum', '-c', 'SHA256SUMS');
      expect(checked.match(/: OK\n/g)).toHaveLength(count);
    },
  );

  test('covers the images of a pipe, and zip archives', () => {
    const cwd = folderWith({ disk: text(MIB) });
    const line = 'cat disk | kexport all - --name x --checksums --zip && sha256sum -c SHA256SUMS';
    expect(shell(line, cwd)).toMatchObject({ status: 0 });
  });

  test('adds to the file, and replaces what it says of the same image', () => {
    const cwd = folderWith({ disk: text(MIB) });
    const other = `${'0'.repeat(64)}  other file`;
    const old = `${'0'.repeat(64)} *x.raw`;
    writeFileSync(join(cwd, 'SHA256SUMS'), `# a comment\n${old}\n${other}`);
    report(['raw', 'disk', '--name', 'x', '--checksums'], cwd);
    report(['raw', 'disk', '--name', 'y', '--checksums'], cwd);
    const lines = readFileSync(join(cwd, 'SHA256SUMS'), 'utf8').split('\n');
    expect(lines.slice(0, 2)).toEqual(['# a comment', other]);
    expect(lines.slice(2).join('\n')).toBe(runIn(cwd, 'sha256sum', 'x.raw', 'y.raw'));
  });

  test('writes names with a line feed or a backslash as sha256sum does', () => {
    const cwd = folderWith({ disk: text(MIB) });
    const name = 'a\nb\\c.raw';
    for (const times of [1, 2]) {
      report(['raw', 'disk', '-o', name, '--checksums', '--force'], cwd);
      const sums = readFileSync(join(cwd, 'SHA256SUMS'), 'utf8');
      expect({ times, sums }).toEqual({ times, sums: runIn(cwd, 'sha256sum', name) });
    }
    expect(runIn(cwd, 'sha256sum', '-c', 'SHA256SUMS')).toMatch(/: OK\n$/);
  });

  test('of runs at the same time has the images of all', async () => {
    const cwd = folderWith({ disk: text(MIB) });
    const names = ['a', 'b', 'c'];
    const runs = names.map((name) =>
      startKexport(['raw', 'disk', '--name', name, '--checksums', '-q'], cwd),
    );
    for (const { ended } of runs) expect(await ended).toMatchObject({ status: 0 });
    const checked = runIn(cwd, 'sha256sum', '-c', 'SHA256SUMS');
    expect(checked.match(/: OK\n/g)).toHaveLength(names.length);
  });

  test('leaves no image if the file cannot be written, and the file as it was', () => {
    const cwd = folderWith({ disk: text(MIB), SHA256SUMS: 'mine', 'SHA256SUMS.partial': '' });
    const args = ['raw', 'disk', '--name', 'x', '--checksums'];
    const { status, stderr } = kexport(args, { cwd });
    expect(stderr).toMatch(/^kexport: .*SHA256SUMS.partial exists: .*\(remove it, or use --force/m);
    expect(status).toBe(1);
    expect(readdirSync(cwd).sort()).toEqual(['SHA256SUMS', 'SHA256SUMS.partial', 'disk']);
    expect(readFileSync(join(cwd, 'SHA256SUMS'), 'utf8')).toBe('mine');
    expect(kexport([...args, '--force'], { cwd }).status).toBe(0);
    expect(readdirSync(cwd).sort()).toEqual(['SHA256SUMS', 'disk', 'x.raw']);
  });
});
