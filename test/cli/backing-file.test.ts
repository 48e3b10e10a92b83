import { copyFileSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { noise, text, withPartition, writeDisk } from '../support/disks.ts';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport } from '../support/kexport.ts';
import { describeWith, run, runIn } from '../support/peers.ts';

const SIZE = 3 * 2 ** 20;

const folder = sharedFolder();
const disk = join(folder, 'disk.img');

beforeAll(() => {
  const bytes = withPartition(Buffer.concat([text(100_000), noise(200_000)]));
  writeDisk(disk, { size: SIZE, pieces: [{ offset: 0, bytes }] });
});

describeWith(['qemu-img'], 'a backing file', () => {
  function chain(names: { base: string; top?: string; format?: string }): string {
    const target = temporaryFolder();
    const base = join(target, 'base.img');
    copyFileSync(disk, base);
    const top = join(target, names.top ?? 'top.qcow2');
    const format = names.format ?? 'raw';
    run('qemu-img', 'create', '-u', '-f', 'qcow2', '-b', names.base, '-F', format, top, `${SIZE}`);
    return top;
  }

  test('is not replaced by an image of what is above it', () => {
    const cwd = join(chain({ base: 'base.img' }), '..');
    const args = ['raw', 'top.qcow2', '--allow-backing', '-o', 'base.img', '--force'];
    const { status, stderr } = kexport(args, { cwd });
    expect(stderr).toContain('base.img is read for the disk that is exported');
    expect(status).toBe(1);
    expect(readFileSync(join(cwd, 'base.img')).equals(readFileSync(disk))).toBe(true);
  });

  test('is not opened without --allow-backing', () => {
    const { status, stderr } = kexport([
      'raw',
      chain({ base: 'base.img' }),
      '-o',
      join(folder, 'no'),
    ]);
    expect(stderr).toContain('needs another file, "base.img" (--allow-backing');
    expect(status).toBe(1);
  });

  test('has what the images above it leave out', () => {
    const top = chain({ base: 'base.img' });
    run('qemu-io', '-c', 'write -P 7 64k 100k', '-c', 'write -z 200k 64k', top);
    const higher = join(top, '..', 'higher.qcow2');
    const above = ['-f', 'qcow2', '-o', 'extended_l2=on', '-b', 'top.qcow2', '-F', 'qcow2'];
    run('qemu-img', 'create', '-u', ...above, higher, '4M');
    const writes = ['write -P 9 98k 1k', 'write -P 9 3500k 64k', 'discard 0 4k'];
    run('qemu-io', ...writes.flatMap((command) => ['-c', command]), higher);
    run('qemu-img', 'convert', '-O', 'raw', higher, `${higher}.theirs`);
    expect(kexport(['raw', higher, '--allow-backing', '-o', `${higher}.ours`]).status).toBe(0);
    expect(readFileSync(`${higher}.ours`).equals(readFileSync(`${higher}.theirs`))).toBe(true);
    expect(
      kexport(['verify', higher, '--allow-backing', '--against', `${higher}.theirs`]).status,
    ).toBe(0);
  });

  test.each([
    '/etc/passwd',
    '../base.img',
    'sub/../../base.img',
    'nbd:localhost:10809',
    'json:{"driver":"raw"}',
    'file:base.img',
    'link.img',
    'out/passwd',
    '.',
    'fifo',
  ])('is not opened outside of the folder, even with --allow-backing: %s', (base) => {
    const top = chain({ base });
    const target = join(top, '..');
    symlinkSync('/etc/passwd', join(target, 'link.img'));
    symlinkSync('/etc', join(target, 'out'));
    run('mkfifo', join(target, 'fifo'));
    const { status, stderr } = kexport(['raw', top, '--allow-backing', '-o', join(target, 'raw')]);
    expect(stderr).toMatch(/names .*(not a file in its folder|leads out|not a regular file)/);
    expect(status).toBe(1);
  });

  test('is opened in a folder below, also by a link that stays inside', () => {
    const top = chain({ base: 'sub/link.img' });
    mkdirSync(join(top, '..', 'sub'));
    symlinkSync('../base.img', join(top, '..', 'sub', 'link.img'));
    expect(kexport(['verify', top, '--allow-backing', '--against', disk]).status).toBe(0);
  });

  test('may have its whole path, also by a link to the folder', () => {
    const link = join(temporaryFolder(), 'images');
    for (const folder of [undefined, link]) {
      const top = chain({ base: 'base.img' });
      const target = join(top, '..');
      if (folder !== undefined) symlinkSync(target, folder);
      const path = join(folder ?? target, 'base.img');
      run('qemu-img', 'rebase', '-u', '-F', 'raw', '-b', path, top);
      expect(kexport(['verify', top, '--allow-backing', '--against', disk]).status).toBe(0);
    }
  });

  test('is read from the same snapshot of ZFS, though it is named where it was', () => {
    const top = chain({ base: 'base.img' });
    const target = join(top, '..');
    run('qemu-img', 'rebase', '-u', '-F', 'raw', '-b', join(target, 'base.img'), top);
    const snapshot = join(target, '.zfs/snapshot/before');
    mkdirSync(snapshot, { recursive: true });
    for (const name of ['base.img', 'top.qcow2'])
      copyFileSync(join(target, name), join(snapshot, name));
    run('qemu-io', '-f', 'raw', '-c', 'write -P 1 0 64k', join(target, 'base.img'));
    const frozen = join(snapshot, 'top.qcow2');
    expect(kexport(['verify', frozen, '--allow-backing', '--against', disk]).status).toBe(0);
  });

  test('is refused if it is the image itself', () => {
    const { status, stderr } = kexport([
      'verify',
      chain({ base: 'top.qcow2', format: 'qcow2' }),
      '--allow-backing',
    ]);
    expect(stderr).toContain('names itself in the end');
    expect(status).toBe(3);
  });

  test('may be an external data file, which has the bytes of the disk', () => {
    const target = temporaryFolder();
    const options = ['-f', 'qcow2', '-o', 'data_file=data.raw,data_file_raw=on'];
    runIn(target, 'qemu-img', 'create', '-q', ...options, 'x.qcow2', String(SIZE));
    runIn(target, 'qemu-img', 'convert', '-n', '-O', 'qcow2', disk, 'x.qcow2');
    const alone = kexport(['verify', join(target, 'x.qcow2'), '--against', disk]);
    expect(alone.stderr).toContain('needs another file, "data.raw" (--allow-backing');
    expect(alone.status).toBe(3);
    const { status, stdout } = kexport([
      'verify',
      join(target, 'x.qcow2'),
      '--allow-backing',
      '--against',
      disk,
    ]);
    expect(stdout).toContain('sound');
    expect(status).toBe(0);
  });
});
