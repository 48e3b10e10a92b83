// `convert`, `verify`, `--verify`, `--from` and `--allow-backing`, by the built command.

import {
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { noise, text, withPartition, writeDisk } from '../support/disks.ts';
import { sharedFolder, temporaryFolder } from '../support/folder.ts';
import { kexport, shell } from '../support/kexport.ts';
import { describeWith, run } from '../support/peers.ts';

const SIZE = 3 * 2 ** 20;

const folder = sharedFolder();
const disk = join(folder, 'disk.img');
const image = join(folder, 'disk.qcow2');

beforeAll(() => {
  const bytes = withPartition(Buffer.concat([text(100_000), noise(200_000)]));
  writeDisk(disk, { name: '', size: SIZE, pieces: [{ offset: 0, bytes }] });
  expect(kexport(['qcow2', disk, '-o', image]).status).toBe(0);
});

describe('convert', () => {
  test('makes images of the disk in an image', () => {
    const target = temporaryFolder();
    const { status } = kexport(['convert', image, 'raw,vmdk', target, '--name', 'web1']);
    expect(status).toBe(0);
    expect(readdirSync(target)).toStrictEqual(['web1.raw', 'web1.vmdk']);
    expect(readFileSync(join(target, 'web1.raw')).equals(readFileSync(disk))).toBe(true);
  });

  test('takes a redirected image if it is told what that is', () => {
    const { status } = shell(`kexport raw - --from qcow2 -o redirected.raw < disk.qcow2`, folder);
    expect(status).toBe(0);
    expect(readFileSync(join(folder, 'redirected.raw')).equals(readFileSync(disk))).toBe(true);
  });

  test('of a qcow2 in a pipe says that it is not read front to back', () => {
    const { status, stderr } = shell(
      'cat disk.qcow2 | kexport raw - --from qcow2 -o x.raw',
      folder,
    );
    expect(stderr).toBe(
      'kexport: qcow2 cannot be read from standard input: it is not read front to back ' +
        '(put it into a file first)\n',
    );
    expect(status).toBe(2);
  });
});

describe('what a file is', () => {
  test.each([
    ['disk.qcow2', 'disk.raw', 'is not a raw disk: it begins like a qcow2 image'],
    ['disk.qcow2', 'noextension', 'say --from qcow2 if it is that'],
    ['disk.img', 'other.qcow2', 'does not begin with "QFI"'],
  ])('is not guessed against its name: %s as %s', (from, name, reason) => {
    const target = temporaryFolder();
    copyFileSync(join(folder, from), join(target, name));
    const { status, stderr } = kexport(['raw', join(target, name), '-o', join(target, 'out')]);
    expect(stderr).toContain(reason);
    expect(status).toBe(1);
  });

  test('is what --from says', () => {
    const path = join(temporaryFolder(), 'noextension');
    copyFileSync(image, path);
    const { status } = kexport(['raw', path, '--from', 'qcow2', '-o', `${path}.raw`]);
    expect(status).toBe(0);
    expect(readFileSync(`${path}.raw`).equals(readFileSync(disk))).toBe(true);
  });
});

describe('verify', () => {
  test('of a sound image exits with 0', () => {
    const { status, stdout } = kexport(['verify', image]);
    expect(stdout).toBe(`${image}: sound, all ${SIZE} bytes of the disk can be read\n`);
    expect(status).toBe(0);
  });

  test('tells the first byte that differs', () => {
    const other = join(temporaryFolder(), 'other.img');
    const bytes = readFileSync(disk);
    bytes.writeUInt8(bytes.readUInt8(250_001) ^ 1, 250_001);
    bytes.writeUInt8(1, SIZE - 1);
    writeFileSync(other, bytes);
    const { status, stdout } = kexport(['verify', image, '--against', other, '--json']);
    expect(JSON.parse(stdout)).toMatchObject({ sound: false, differsAt: 250_001 });
    expect(status).toBe(1);
  });

  test.each([0, 65_536, 2 ** 20, SIZE - 1])('finds a byte among zeros: %i', (at) => {
    const other = join(temporaryFolder(), 'other.img');
    const bytes = Buffer.alloc(SIZE);
    writeFileSync(other, bytes);
    const empty = join(temporaryFolder(), 'empty.qcow2');
    expect(kexport(['qcow2', other, '-o', empty]).status).toBe(0);
    expect(kexport(['verify', empty, '--against', other]).status).toBe(0);
    bytes.writeUInt8(1, at);
    writeFileSync(other, bytes);
    const { status, stdout } = kexport(['verify', empty, '--against', other]);
    expect(stdout).toContain(`at byte ${at}\n`);
    expect(status).toBe(1);
  });

  test('of damaged data exits with 1, and says where', () => {
    const broken = join(temporaryFolder(), 'broken.qcow2');
    const bytes = readFileSync(image);
    bytes.fill(0xff, 65_536 + 100, 65_536 + 400); // the first packed cluster
    writeFileSync(broken, bytes);
    const { status, stdout } = kexport(['verify', broken]);
    expect(stdout).toContain('the deflate stream at 0x10000 is damaged');
    expect(status).toBe(1);
  });

  test.each([['nothere.qcow2'], ['disk.img', '--from', 'qcow2']])(
    'of what cannot be read exits with 3: %s',
    (name, ...options) => {
      const { status, stderr } = kexport(['verify', join(folder, name), ...options]);
      expect(stderr).toMatch(/^kexport: .*\n$/);
      expect(status).toBe(3);
    },
  );
});

describe('--verify', () => {
  test('reads the images back and gives them their names', () => {
    const target = temporaryFolder();
    const { status } = kexport([
      'qcow2,raw',
      disk,
      target,
      '--name',
      'x',
      '--verify',
      '--checksums',
    ]);
    expect(status).toBe(0);
    expect(readdirSync(target)).toStrictEqual(['SHA256SUMS', 'x.qcow2', 'x.raw']);
  });

  test('is refused for a pipe', () => {
    const { status, stderr } = shell(
      'kexport raw disk.img -o - --verify | cat > /dev/null',
      folder,
    );
    expect(stderr).toContain('cannot be read back to verify it');
    expect(status).toBe(0); // of cat
  });
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

  test('is refused unless --allow-backing is given', () => {
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
    run(
      'qemu-img',
      'create',
      '-u',
      '-f',
      'qcow2',
      '-o',
      'extended_l2=on',
      '-b',
      'top.qcow2',
      '-F',
      'qcow2',
      higher,
      '4M',
    );
    run(
      'qemu-io',
      '-c',
      'write -P 9 98k 1k',
      '-c',
      'write -P 9 3500k 64k',
      '-c',
      'discard 0 4k',
      higher,
    );
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
  ])('elsewhere is not opened, even with --allow-backing: %s', (base) => {
    const top = chain({ base });
    const target = join(top, '..');
    symlinkSync('/etc/passwd', join(target, 'link.img'));
    symlinkSync('/etc', join(target, 'out'));
    run('mkfifo', join(target, 'fifo'));
    const { status, stderr } = kexport(['raw', top, '--allow-backing', '-o', join(target, 'raw')]);
    expect(stderr).toMatch(/names .*(not a plain name|leads out|not a regular file)/);
    expect(status).toBe(1);
  });

  test('in a folder below, or by a link within it, is opened', () => {
    const top = chain({ base: 'sub/link.img' });
    mkdirSync(join(top, '..', 'sub'));
    symlinkSync('../base.img', join(top, '..', 'sub', 'link.img'));
    expect(kexport(['verify', top, '--allow-backing', '--against', disk]).status).toBe(0);
  });

  test('that is the image itself is a cycle', () => {
    const { status, stderr } = kexport([
      'verify',
      chain({ base: 'top.qcow2', format: 'qcow2' }),
      '--allow-backing',
    ]);
    expect(stderr).toContain('names itself in the end');
    expect(status).toBe(3);
  });

  test('with an external data file is read from that', () => {
    const target = temporaryFolder();
    const options = 'data_file=data.raw,data_file_raw=on';
    run(
      'sh',
      '-c',
      `cd "$0" && qemu-img convert -n -O qcow2 "$1" x.qcow2 2>/dev/null || qemu-img create -q -f qcow2 -o ${options} x.qcow2 ${SIZE} && qemu-img convert -n -O qcow2 "$1" x.qcow2`,
      target,
      disk,
    );
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
