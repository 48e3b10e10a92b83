// Rows of the table "When something goes wrong" in docs/internals.md, each a describe of that name:
// a machine that lacks something.

import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noise, withPartition } from '../../support/disks.ts';
import { folderWith, temporaryFolder } from '../../support/folder.ts';
import { shell } from '../../support/kexport.ts';
import { describeAsRoot } from '../../support/peers.ts';
import { BOOT_DISK } from '../../support/project.ts';

const MIB = 2 ** 20;

describe('no thread to be had, `ulimit -v`', () => {
  test.each([
    [3_000_000, 'wasm', 1, /ulimit -v\) is 2.9 GiB, one thread needs 14.0 GiB/],
    [3_000_000, 'zlib', 0, /^$/],
    [12_000_000, 'zlib', 0, /^$/],
  ])('a limit of %i KiB on addresses, compressor %s: status %i', (limit, name, status, said) => {
    const cwd = folderWith({ disk: withPartition(noise(4 * MIB)) });
    const command = `kexport qcow2,vmdk disk --name x -q --threads 8 --compressor ${name}`;
    const found = shell(`ulimit -v ${limit}; ${command}; code=$?; ls; exit $code`, cwd);
    expect(found.stderr).toMatch(said);
    expect(found.status).toBe(status);
    expect(found.stdout).toBe(status === 0 ? 'disk\nx.qcow2\nx.vmdk\n' : 'disk\n');
  });

  describeAsRoot('a user who may start few threads', () => {
    // Node itself starts about a dozen; how many, no program is told.
    test.each([16, 20, 24])('with %i processes gets all images', (count) => {
      const cwd = folderWith({ disk: withPartition(noise(24 * MIB)) });
      const as = `chmod 777 .; exec setpriv --reuid=61234 --regid=61234 --clear-groups`;
      const line = `ulimit -u ${count}; kexport qcow2,vmdk disk --name x -q --threads 16`;
      const inner = `$(declare -f kexport); ${line}; code=$?; echo x.*; exit $code`;
      const { status, stdout, stderr } = shell(
        `${as} bash -c "${inner.replaceAll('$?', '\\$?').replaceAll('$code', '\\$code')}"`,
        cwd,
      );
      expect(stderr).toBe('');
      expect({ status, stdout }).toEqual({ status: 0, stdout: 'x.qcow2 x.vmdk\n' });
    });
  });
});

describeAsRoot('no /proc', () => {
  const without = 'mount -t tmpfs none /proc;';

  test.each([
    ['raw disk -o x.raw -q', 0, /^$/],
    ['verify disk', 0, /^$/],
    ['sources', 1, /cannot tell what is mounted: .*ENOENT.*needs Linux with \/proc/],
    ['raw - -o x.raw -q < disk', 1, /cannot tell where standard input stands/],
    ['raw - -o x.raw -q < pipe', 0, /^$/],
  ])('%s ends with %i', (words, status, said) => {
    const cwd = folderWith({ disk: withPartition(noise(MIB)) });
    const inner = `$(declare -f kexport); ${without} kexport ${words}`;
    const found = shell(
      `mkfifo pipe; cat disk > pipe & unshare -m bash -c "${inner}"; code=$?; kill $! 2> /dev/null; exit $code`,
      cwd,
    );
    expect(found.stderr).toMatch(said);
    expect(found.status).toBe(status);
  });
});

test('in a folder that was removed, paths that are not relative are read', () => {
  const parent = temporaryFolder();
  const cwd = join(parent, 'gone');
  mkdirSync(cwd);
  const { status, stdout } = shell(`rmdir ../gone; kexport info ${BOOT_DISK}`, cwd);
  expect(stdout).toContain('GPT, 2 partitions');
  expect(status).toBe(0);
  rmSync(parent, { recursive: true });
});
