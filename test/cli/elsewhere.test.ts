import { spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { bundled } from '../support/built.ts';
import { temporaryFolder } from '../support/folder.ts';
import { describeAsRoot, runIn } from '../support/peers.ts';
import { BOOT_DISK } from '../support/project.ts';

/** What Node has in Linux, and not there. */
const MISSING = {
  darwin: { constants: ['O_DIRECT', 'O_NOATIME'], functions: [] },
  win32: {
    constants: ['O_DIRECT', 'O_DIRECTORY', 'O_DSYNC', 'O_NOATIME', 'O_NOFOLLOW', 'O_NONBLOCK'],
    functions: ['getuid', 'geteuid', 'getgid', 'getegid', 'getgroups'],
  },
};

type Platform = keyof typeof MISSING;

/** A script that is loaded before kexport and has Node look as it does on another system. */
function disguise(platform: Platform): string {
  const { constants, functions } = MISSING[platform];
  return `
    const Module = require('node:module');
    Object.defineProperty(process, 'platform', { value: '${platform}' });
    for (const name of ${JSON.stringify(functions)}) delete process[name];
    const fs = require('node:fs');
    const missing = ${JSON.stringify(constants)};
    const kept = Object.entries(fs.constants).filter(([name]) => !missing.includes(name));
    const other = Object.create(fs, { constants: { value: Object.fromEntries(kept) } });
    const load = Module._load;
    Module._load = (name, ...more) => (/^(node:)?fs$/.test(name) ? other : load(name, ...more));
  `;
}

/** Runs lines of a shell with `kexport` on another system, in a folder with disk.raw. */
function onOther(platform: Platform, lines: string) {
  const folder = temporaryFolder();
  copyFileSync(BOOT_DISK, join(folder, 'disk.raw'));
  writeFileSync(join(folder, 'disguise.cjs'), disguise(platform));
  const script = `
    set -e
    mount -t tmpfs none /proc
    mount -t tmpfs none /sys
    kexport() { "${process.execPath}" -r ./disguise.cjs "${bundled('kexport.cjs')}" "$@"; }
    ${lines}`;
  const { status, stdout, stderr } = spawnSync('unshare', ['--mount', 'sh', '-c', script], {
    cwd: folder,
    encoding: 'utf8',
  });
  return { folder, status, stdout, stderr };
}

// That nothing is needed that Linux alone has, to load and to work. Not that names, locks and
// renames of files are right on other systems: those are Linux's here.
describeAsRoot('without /proc, /sys and O_DIRECT', () => {
  describe.each(['darwin', 'win32'] as const)('and where Node says %s', (platform) => {
    test('files are exported, verified, converted and described', () => {
      const { folder, status, stdout, stderr } = onOther(
        platform,
        `
        kexport --version
        kexport all,vhdx,vdi,vhd-dynamic disk.raw --name a --verify --checksums --threads 2 -q
        kexport verify a.* --against disk.raw -q
        kexport convert a.ova qcow2 --name b -q
        kexport info b.qcow2 a.vmdk
        kexport info --map a.vhdx --json > map.json`,
      );
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      expect(stdout).toContain('O_DIRECT no');
      expect(stdout).toMatch(/^format: +qcow2, version 3$/m);
      expect(stdout).toContain('GPT, 2 partitions');
      runIn(folder, 'qemu-img', 'compare', 'b.qcow2', 'disk.raw');
    });

    test('pipes are read and written', () => {
      const { folder, status, stderr } = onOther(
        platform,
        'cat disk.raw | kexport qcow2 - -o a.qcow2 -q; kexport raw a.qcow2 -o - -q | cat > b.raw',
      );
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      runIn(folder, 'cmp', 'b.raw', 'disk.raw');
    });

    test.each([
      [
        'a redirected file, whose position is unknown,',
        'kexport raw - -o a.raw < disk.raw',
        expect.stringMatching(
          /^kexport: cannot tell where standard input stands: .* \(name the file, or use a pipe\)\n$/,
        ),
      ],
      [
        'the disk of the machine',
        'kexport raw -o a.raw',
        expect.stringMatching(/^kexport: no disk to export as raw is given \(give one: /),
      ],
      [
        'a ZFS volume',
        'PATH=/nowhere; kexport raw tank/vm -o a.raw',
        expect.stringMatching(/^kexport: cannot open tank\/vm: .*ENOENT/),
      ],
    ])('%s is refused in one line', (_, line, expected) => {
      const { status, stderr } = onOther(platform, line);
      expect(status).not.toBe(0);
      expect(stderr).toEqual(expected);
      expect(stderr.split('\n').length).toBe(2);
    });
  });
});
