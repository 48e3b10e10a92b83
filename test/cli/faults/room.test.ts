// Rows of the table "When something goes wrong" in docs/internals.md, each a describe of that name:
// no room.

import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { noise, withPartition } from '../../support/disks.ts';
import { temporaryFolder } from '../../support/folder.ts';
import { kexport } from '../../support/kexport.ts';
import { mountedTmpfs } from '../../support/mounted.ts';
import { describeAsRoot } from '../../support/peers.ts';

const MIB = 2 ** 20;

/** What is said before the disk is read, where the images might fill the folder. */
const WARNING = /^kexport: warning: the images may take up to .* are free\n/;

describeAsRoot('no room in the folder of the images', () => {
  const disk = withPartition(noise(4 * MIB));

  function exported(options: string, formats: string, ...args: string[]) {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'disk'), disk);
    const target = mountedTmpfs(options);
    const outcome = kexport([formats, 'disk', '--output-dir', target, '--name', 'x', ...args], {
      cwd,
    });
    return { ...outcome, left: readdirSync(target).sort() };
  }

  test.each(['qcow2', 'raw', 'qcow2,raw'])(
    'early ends the export with one line and no file: %s',
    (formats) => {
      const { status, stderr, left } = exported('size=1m', formats);
      const lines = stderr.replace(WARNING, '');
      expect(lines).toMatch(/^kexport: cannot write .*x\.(qcow2|raw): no space left on device/);
      expect(lines).toMatch(/ENOSPC\) \(make room there, or choose another folder.*\)\n$/);
      expect(lines.split('\n')).toHaveLength(2);
      expect({ status, left }).toEqual({ status: 1, left: [] });
    },
  );

  test('for the last bytes ends the export with one line and no file', () => {
    const { status, stderr, left } = exported(`size=${2 * disk.length + 4096}`, 'raw,qcow2');
    const lines = stderr.replace(WARNING, '');
    expect(lines).toMatch(/^kexport: cannot write .*: no space left on device \(ENOSPC\) .*\n$/);
    expect({ status, left }).toEqual({ status: 1, left: [] });
  });

  test('for another name does not keep the images from getting theirs', () => {
    // A link counts as a file in tmpfs: the folder and the two partial images are three.
    const { status, stderr, left } = exported('size=16m,nr_inodes=3', 'raw,qcow2', '-q');
    expect({ status, stderr, left }).toEqual({ status: 0, stderr: '', left: ['x.qcow2', 'x.raw'] });
  });

  test('for a second image ends the export without any', () => {
    const { status, left } = exported('size=16m,nr_inodes=2', 'raw,qcow2');
    expect({ status, left }).toEqual({ status: 1, left: [] });
  });
});

describeAsRoot('no room in `TMPDIR` while spooling', () => {
  test('ends the export with one line and nothing there', () => {
    const cwd = temporaryFolder();
    writeFileSync(join(cwd, 'disk'), withPartition(noise(4 * MIB)));
    const TMPDIR = mountedTmpfs('size=1m');
    const args = ['qcow2', 'disk', '-o', '/dev/stdout', '--force'];
    const { status, stderr } = kexport(args, { cwd, env: { TMPDIR } });
    expect(stderr).toMatch(/^kexport: cannot spool the image .*ENOSPC.*\n$/);
    expect({ status, left: readdirSync(TMPDIR) }).toEqual({ status: 1, left: [] });
  });
});
