import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noise, text } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { kexport, shell } from '../support/kexport.ts';
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

  test('replaces no SHA256SUMS, and then leaves no image', () => {
    const cwd = folderWith({ disk: text(MIB) });
    writeFileSync(join(cwd, 'SHA256SUMS'), 'mine');
    const { status, stderr } = kexport(['raw', 'disk', '--name', 'x', '--checksums'], { cwd });
    expect(status).toBe(1);
    expect(stderr).toContain('SHA256SUMS exists');
    expect(readdirSync(cwd).sort()).toEqual(['SHA256SUMS', 'disk']);
    expect(readFileSync(join(cwd, 'SHA256SUMS'), 'utf8')).toBe('mine');
  });
});
