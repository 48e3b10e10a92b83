// Increments from zfs send: overlays on the image of the snapshot before, and flattened disks.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folder.ts';
import { kexport, kexportOk } from '../support/kexport.ts';
import { checkQcow2, describeWith, run, sha256Of, testWith } from '../support/peers.ts';
import { INCREMENTS, type RealStream, streamNamed } from '../support/send-streams.ts';

type Member = RealStream['members'][number];

describeWith(['qemu-img'], 'an increment of zfs send', () => {
  test.each(INCREMENTS)('is its disk over the image of its base: $name', ({ stream, base }) => {
    const cwd = temporaryFolder();
    kexportOk(cwd, 'qcow2', base.path, '-o', 'base.qcow2');
    kexportOk(cwd, 'qcow2', stream.path, '--backing-file', 'base.qcow2', '-o', 'inc.qcow2');
    checkQcow2(join(cwd, 'inc.qcow2'));
    const image = join(cwd, 'inc.qcow2');
    run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', image, join(cwd, 'back.raw'));
    expect(sha256Of(join(cwd, 'back.raw'))).toBe(stream.rawSha256);
  });

  test.each(INCREMENTS)('is its disk flattened with its base: $name', ({ stream, base }) => {
    const cwd = temporaryFolder();
    kexportOk(cwd, 'raw', base.path, '-o', 'base.raw');
    kexportOk(cwd, 'raw', stream.path, '--flatten', 'base.raw', '-o', 'flat.raw');
    expect(sha256Of(join(cwd, 'flat.raw'))).toBe(stream.rawSha256);
  });
});

describe('several increments in one package', () => {
  const base = streamNamed('chain-full-a');
  const increments = streamNamed('chain-I');
  const [between, last] = increments.members as [Member, Member];

  testWith(['qemu-img'], 'are one overlay up to the last snapshot, or to an earlier one', () => {
    const cwd = temporaryFolder();
    kexportOk(cwd, 'qcow2', base.path, '-o', 'base.qcow2');
    for (const [snapshot, sum] of [
      [[], last.rawSha256],
      [['--stream-snapshot', 'b'], between.rawSha256],
    ] as const) {
      const options = ['--backing-file', 'base.qcow2', ...snapshot, '-o', 'inc.qcow2', '--force'];
      kexportOk(cwd, 'qcow2', increments.path, ...options);
      checkQcow2(join(cwd, 'inc.qcow2'));
      const image = join(cwd, 'inc.qcow2');
      run('qemu-img', 'convert', '-f', 'qcow2', '-O', 'raw', image, join(cwd, 'back.raw'));
      expect(sha256Of(join(cwd, 'back.raw'))).toBe(sum);
    }
  });

  test('are flattened up to the last snapshot, or to an earlier one', () => {
    const cwd = temporaryFolder();
    kexportOk(cwd, 'raw', base.path, '-o', 'a.raw');
    kexportOk(cwd, 'raw', increments.path, '--flatten', 'a.raw', '-o', 'c.raw');
    expect(sha256Of(join(cwd, 'c.raw'))).toBe(last.rawSha256);
    kexportOk(
      cwd,
      'raw',
      increments.path,
      '--flatten',
      base.path,
      '--stream-snapshot',
      'b',
      '-o',
      'b.raw',
    );
    expect(sha256Of(join(cwd, 'b.raw'))).toBe(between.rawSha256);
  });

  test.each([
    [
      ['--stream-snapshot', 'a'],
      /chain-I.zfs: the package has no snapshot a of tank\/chain; it has b, c \(.*--stream-snapshot/,
    ],
    [
      ['--stream-volume', 'tank/vm'],
      /chain-I.zfs: the package has no volume tank\/vm; it has tank\/chain \(.*--stream-volume/,
    ],
  ])('are refused if they lack the requested stream: %j', (options, message) => {
    const cwd = temporaryFolder();
    const args = ['raw', increments.path, '--flatten', base.path, ...options, '-o', 'x.raw'];
    const { status, stderr } = kexport(args, { cwd });
    expect(stderr).toMatch(message);
    expect(status).toBe(1);
    expect(readdirSync(cwd)).toEqual([]);
  });

  test('are refused on the image of another snapshot', () => {
    const cwd = temporaryFolder();
    const other = streamNamed('tail-full-a');
    kexportOk(cwd, 'qcow2', other.path, '-o', 'base.qcow2');
    const args = ['qcow2', increments.path, '--backing-file', 'base.qcow2', '-o', 'inc.qcow2'];
    const { status, stderr } = kexport(args, { cwd });
    expect(stderr).toMatch(/base.qcow2 is the disk of the snapshot with the guid/);
    expect(status).toBe(1);
  });
});
