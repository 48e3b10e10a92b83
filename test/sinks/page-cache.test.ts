// Images on file systems of this machine's disks, where large pieces go past the page cache.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { noise, text, withPartition } from '../support/disks.ts';
import { folderWith } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { mountedFileSystem } from '../support/mounted.ts';
import { describeAsRoot, run, testWith } from '../support/peers.ts';

const MIB = 2 ** 20;
const PAGE = 4096;

/**
 * 24 MiB and 3 sectors: pieces that go past the cache and smaller ones, pages of zeros, an odd end.
 */
function disk(): Buffer {
  const bytes = Buffer.alloc(24 * MIB + 3 * 512);
  noise(9 * MIB).copy(bytes);
  for (let at = 10 * MIB; at < 12 * MIB; at += 5 * PAGE) text(PAGE, at).copy(bytes, at);
  noise(MIB + PAGE).copy(bytes, 13 * MIB + PAGE);
  text(8 * MIB + 3 * 512).copy(bytes, 16 * MIB);
  return withPartition(bytes);
}

/** How many bytes of a file are in the page cache. */
function cached(path: string): number {
  return Number(run('fincore', '--bytes', '--noheadings', '--output', 'RES', path));
}

describeAsRoot('on a file system of the machine', () => {
  describe.each([
    ['ext4', ['mkfs.ext4', '-q']],
    ['ext4 with blocks of 1 KiB', ['mkfs.ext4', '-q', '-b', '1024']],
    ['xfs', ['mkfs.xfs', '-q']],
  ] as const)('%s', (_, mkfs) => {
    testWith([mkfs[0], 'fincore'], 'images are right, and little of them stays in memory', () => {
      const folder = mountedFileSystem(mkfs, 512 * MIB);
      const bytes = disk();
      const cwd = folderWith({ disk: bytes });
      const args = ['raw,vhd', 'disk', '-q', '--output-dir', folder, '--name', 'x'];
      expect(kexport(args, { cwd })).toMatchObject({ status: 0, stderr: '' });
      for (const path of [join(folder, 'x.raw'), join(folder, 'x.vhd')]) {
        expect(cached(path), path).toBeLessThan(4 * MIB);
        expect(readFileSync(path).subarray(0, bytes.length).equals(bytes), path).toBe(true);
      }
      const verified = kexport([...args, '--force', '--verify'], { cwd });
      expect(verified).toMatchObject({ status: 0, stderr: '' });
    });
  });

  testWith(['mkfs.ext4'], 'an export that finds no room gives one line and leaves no file', () => {
    const folder = mountedFileSystem(['mkfs.ext4', '-q', '-O', '^has_journal'], 16 * MIB);
    const before = readdirSync(folder);
    const cwd = folderWith({ disk: withPartition(noise(24 * MIB)) });
    const args = ['raw', 'disk', '--output-dir', folder, '--name', 'x'];
    const { status, stderr } = kexport(args, { cwd });
    expect(stderr.replace(/^kexport: warning: the images may take up to .*\n/, '')).toMatch(
      /^kexport: cannot write .*x\.raw: no space left on device \(ENOSPC\) .*\n$/,
    );
    expect({ status, left: readdirSync(folder) }).toEqual({ status: 1, left: before });
  });
});

test('an image is right without WebAssembly, whose memory is aligned', () => {
  const cwd = folderWith({ disk: disk() });
  const args = ['raw', 'disk', '-q', '--name', 'x'];
  expect(kexport(args, { cwd, env: { NODE_OPTIONS: '--jitless' } })).toMatchObject({ status: 0 });
  expect(readFileSync(join(cwd, 'x.raw')).equals(disk())).toBe(true);
});
